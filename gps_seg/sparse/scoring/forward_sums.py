# Copyright (c) gps_seg contributors. Apache-2.0.
"""Sums over forward passes, gathered where a weight is used."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

#: Makes the function that takes the place of a plain one.
Watch = Callable[[Callable[..., Tensor]], Callable[..., Tensor]]


class ForwardSums(ABC):
    """Sums over the forward passes of weights, without a backward pass.

    Args:
        weights: Weights to watch, by name.
        sums: Sum of each weight, by the same names; added to in place.

    Attributes:
        unmet: Weight that no forward pass has used -> its name.
    """

    #: What becomes of a weight without inputs, and what to do; None if it does
    #: not matter.
    fate: ClassVar[str | None] = None

    def __init__(
        self, weights: Mapping[str, nn.Parameter], sums: Mapping[str, Tensor]
    ) -> None:
        self._sums: dict[Tensor, Tensor] = {
            weight: sums[name] for name, weight in weights.items()
        }
        self.unmet: dict[Tensor, str] = {
            weight: name for name, weight in weights.items()
        }

    @property
    @abstractmethod
    def watchers(self) -> Mapping[str, Watch]:
        """What stands in for the functions of ``torch.nn.functional``."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch forward passes in this context; one thread at a time."""
        with ExitStack() as stack:
            for name, watch in self.watchers.items():
                plain = getattr(F, name)
                stack.callback(setattr, F, name, plain)
                setattr(F, name, watch(plain))
            yield

    def warn_of_unmet(self) -> None:
        """Warn about weights that no forward pass has used, if it matters."""
        if self.unmet and self.fate is not None:
            names = list(self.unmet.values())
            warnings.warn(
                'score: expected inputs of every weight, got none of '
                f'{names[:5]} ({len(names)} in all). They are unused, or used '
                'by other functions than F.linear and convolutions, so their '
                f'{self.fate}, or freeze them by the rules of the method.',
                stacklevel=2,
            )

    def add(self, weight: Tensor, rows: range, met: Tensor) -> None:
        """Add to the sum of some rows of a weight."""
        self.unmet.pop(weight, None)
        total = self._sums[weight]
        total[rows.start : rows.stop] += met.to(total)
