# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens that pass through all blocks (VPT-Shallow, ECCV 2022).

Each block sees ``[class tokens; prompts; patches]``. The prompts are removed
from its output and inserted again before the next block, so that norms,
feature maps and the head between and behind the blocks see what they always
do.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.hosts import plain_parameters
from gps_seg.additions.kinds.tokens.prompts import Prompts
from gps_seg.additions.neighbours import neighbours


class CarriedPrompts(Prompts):
    """Insert tokens before the first block, and carry them to the last.

    Args:
        shape: Number of tokens, and their width.
        prefix: Number of class tokens before the patches.
        bound: The initial values are drawn from [-bound, bound].
        blocks: Names of the blocks in the host, in the order in which they
            run.
        dropout: Probability to drop a value of a token before the first
            block; drawn anew for each image.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        prefix: int,
        bound: float,
        blocks: Sequence[str],
        dropout: float,
    ) -> None:
        super().__init__(shape, prefix, bound, dropout)
        self.blocks = tuple(blocks)
        # In a list, the blocks do not become children of this module.
        self._order: list[nn.Module] = []
        self._carried: Tensor | None = None

    def hang(self, host: nn.Module) -> list[RemovableHandle]:
        """Insert before each block of the host, remove behind it."""
        self._order = [host.get_submodule(name) for name in self.blocks]
        handles = [
            handle
            for block in self._order
            for handle in super(CarriedPrompts, self).hang(block)
        ]
        forget = host.register_forward_hook(self._forget, always_call=True)
        return [*handles, forget]

    def beside(self, host: nn.Module) -> Mapping[str, nn.Parameter]:
        """The first matrix of the first block."""
        first = host.get_submodule(self.blocks[0])
        return neighbours(self, plain_parameters(first))

    def prompts_for(self, block: nn.Module, tokens: Tensor) -> Tensor:
        """What the block before made of the prompts; new ones at first.

        Raises:
            RuntimeError: If the block before has not run.
        """
        if block is self._order[0]:
            return super().prompts_for(block, tokens)
        if self._carried is None:
            name = self.blocks[self._order.index(block)]
            raise RuntimeError(
                'carried_prompts: expected the blocks to run one after the '
                f'other from {self.blocks[0]} on, got {name} first. If a '
                'part of the encoder is recomputed in the backward pass, '
                'checkpoint single blocks (with_cp=True) instead.'
            )
        return self._carried

    def _remove(
        self, block: nn.Module, args: tuple[Tensor, ...], output: Tensor
    ) -> Tensor:
        is_last = block is self._order[-1]
        last = self.prefix + len(self.tokens)
        self._carried = None if is_last else output[:, self.prefix : last]
        return super()._remove(block, args, output)

    def _forget(self, _host: nn.Module, _args: object, _out: object) -> None:
        self._carried = None
