# Copyright (c) gps_seg contributors. Apache-2.0.
"""SIFT (Song et al., *Sparse is Enough in Fine-tuning*, ICML 2024).

In each weight the share with the largest |gradient| of the first batch trains.
The original also selects in biases and norms. Here biases train whole and
norms are frozen as in every method, so that only the connections differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gps_seg.peft.entries.selecting import SelectsEntries
from gps_seg.sparse import Budget, Share


@dataclass(frozen=True, kw_only=True)
class SIFT(SelectsEntries):
    """Train the share of each weight with the largest gradients in one batch.

    Args:
        share: Share of each weight, in (0, 1]; the original uses 0.01
            to 0.05.
        encoder: Name of the pretrained submodule, in which connections are
            selected.
        rules: Rows of the rule table above the standard ones.

    Raises:
        TypeError: If the share is not a number.
        ValueError: If the share is out of range.

    Example:
        >>> SIFT(share=0.05).rule
        Budget(scope='layer', amount=Share(share=0.05))
    """

    share: float

    @property
    def rule(self) -> Budget:
        """The entries of each weight compete."""
        return Budget('layer', Share(self.share))

    @property
    def criterion(self) -> str:
        """The gradient."""
        return 'gradient'

    @property
    def most_batches(self) -> int:
        """One: the first batch is enough."""
        return 1

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """``max_batches``, because one batch is used."""
        return dict.fromkeys(
            given & {'max_batches'}, 'uses only the first batch'
        )
