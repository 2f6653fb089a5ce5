# Copyright (c) gps_seg contributors. Apache-2.0.
"""SIFT (Song et al., *Sparse is Enough in Fine-tuning*, ICML 2024).

Of every weight the share with the largest |gradient| of the first batch
trains. The original also selects in biases and norms; here biases train whole
and norms stay, as for every method, so that the connections are what differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gps_seg.peft.selecting import SelectsEntries
from gps_seg.sparse import Budget, Share


@dataclass(frozen=True, kw_only=True)
class SIFT(SelectsEntries):
    """Train the top share of each weight by one batch.

    Args:
        share: Share of each weight, in (0, 1]; the original takes 0.01
            to 0.05.
        encoder: Name of the pretrained submodule to select in.
        rules: Rows of the rule table that come before the standard ones.

    Raises:
        ValueError: If the share is out of range.
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

    def has_seen_enough(self, num_batches: int, kept: float | None) -> bool:
        """After the first batch."""
        return True

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """More than one batch."""
        return dict.fromkeys(
            given & {'max_batches'}, 'looks at the first batch alone'
        )
