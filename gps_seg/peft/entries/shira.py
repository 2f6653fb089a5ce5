# Copyright (c) gps_seg contributors. Apache-2.0.
"""SHiRA, *Sparse High Rank Adapters* (Bhardwaj et al., NeurIPS 2024).

In each ``m x n`` matrix of a linear map ``rank * (m + n)`` random entries
train, as many values as LoRA of that rank has, but of full rank. Biases are
frozen. A packed projection of queries, keys and values is one matrix.

The authors have other masks too: by rows, by ``|w|``, by gradients. Those are
``gps`` with ``scope='layer'``. At inference they scale the change by a factor
``alpha``, 1 unless it is set; ``gps_seg.delta.combine`` does that here.
"""

from dataclasses import dataclass
from typing import ClassVar

from gps_seg.peft.entries.selecting import SelectsEntries
from gps_seg.sparse import Budget, Rank
from gps_seg.sparse.gps_rules import LINEAR_RULES
from gps_seg.sparse.rules import RuleTable
from gps_seg.sparse.scoring.criteria import RANDOM


@dataclass(frozen=True, kw_only=True)
class SHiRA(SelectsEntries):
    """Train random entries, as many as LoRA has values.

    Args:
        rank: Rank of that LoRA, at least 1; at most all entries of a matrix
            are selected.
        encoder: Name of the pretrained submodule, in which entries are
            selected.
        rules: Rows of the rule table above the standard ones.

    Raises:
        TypeError: If the rank is not an integer.
        ValueError: If the rank is below 1.

    Example:
        >>> SHiRA(rank=4).rule
        Budget(scope='layer', amount=Rank(rank=4))
    """

    standard: ClassVar[RuleTable] = LINEAR_RULES

    rank: int = 8

    @property
    def rule(self) -> Budget:
        """The entries of each weight compete."""
        return Budget('layer', Rank(self.rank))

    @property
    def criterion(self) -> str:
        """Random."""
        return RANDOM
