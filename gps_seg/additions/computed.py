# Copyright (c) gps_seg contributors. Apache-2.0.
"""Notice that packed attention was computed without what was added to it.

``torch.compile`` may trace ``nn.MultiheadAttention`` with stand-ins for its
weights, which no interceptor knows. The model would then compute as if nothing
had been added, without a word.
"""

from threading import get_ident

from torch import nn


class ComputedMaps:
    """Whether an interceptor has computed a linear map, in each thread."""

    def __init__(self) -> None:
        self._threads: set[int] = set()

    def note(self) -> None:
        """Remember that a map was computed."""
        self._threads.add(get_ident())

    def check(self, module: nn.Module, output: object) -> None:
        """Check a forward pass that has ended, and forget it.

        Args:
            module: Module whose forward pass has ended.
            output: Output of the module; None after an error in it.

        Raises:
            RuntimeError: If packed attention computed no map.
        """
        computed = get_ident() in self._threads
        self._threads.discard(get_ident())
        if computed or output is None:
            return
        if isinstance(module, nn.MultiheadAttention):
            raise RuntimeError(
                'additions: expected attention to compute with what was added '
                'to it, got attention without. torch.compile does this to '
                'nn.MultiheadAttention. Merge the additions first '
                '(gps_seg.additions.merge), or do not compile the model.'
            )
