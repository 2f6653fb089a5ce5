# Copyright (c) gps_seg contributors. Apache-2.0.
"""PaCA, *Partial Connection Adaptation* (Woo et al., ICLR 2025).

In ``y = W x`` of each linear map of the encoder ``columns`` whole columns of
``W`` train, so that a step only needs these inputs: ``dL/dW[:, C] = D^T x[:,
C]`` with ``D = dL/dy`` (arXiv 2503.01905). Biases and convolutions are frozen.
A packed projection of queries, keys and values is one map with one set of
columns.

The authors take random columns; in an ablation, those with the largest norm of
the weight or of the gradient. Here any score ranks them, by the sum of squares
over a column.
"""

from dataclasses import dataclass
from typing import ClassVar

from gps_seg.peft.entries.selecting import SelectsEntries
from gps_seg.sparse import Connections, Lines
from gps_seg.sparse.gps_rules import LINEAR_RULES
from gps_seg.sparse.rules import RuleTable
from gps_seg.sparse.scoring.criteria import RANDOM, check_score


class _Columns(Connections):
    """``columns`` winners in each weight."""

    key: ClassVar[str] = 'columns'


@dataclass(frozen=True, kw_only=True)
class PaCA(SelectsEntries):
    """Train whole columns of each linear map.

    Args:
        columns: Number of columns of each map, from 1 to the smallest number
            of inputs; ``r`` in the paper.
        score: ``'random'``, ``'gradient'``, ``'magnitude'`` or another score
            of ``GPS``.
        encoder: Name of the pretrained submodule, in which columns are
            selected.
        rules: Rows of the rule table above the standard ones.

    Raises:
        TypeError: If the number is not an integer.
        ValueError: If the number is below 1 or the score is unknown.

    Example:
        >>> from torch import nn
        >>> from gps_seg.peft import tune
        >>> model = nn.ModuleDict({'backbone': nn.Linear(16, 8)})
        >>> tuned = tune(model, PaCA(columns=2), losses=[], seed=0)
        >>> tuned
        Trainable(16 values: 16 selected entries, 0 in whole tensors)
    """

    standard: ClassVar[RuleTable] = LINEAR_RULES

    columns: int = 8
    score: str = RANDOM

    def __post_init__(self) -> None:
        super().__post_init__()
        check_score(self.score)

    @property
    def rule(self) -> Lines:
        """The columns of each weight compete."""
        return Lines('column', _Columns(self.columns))

    @property
    def criterion(self) -> str:
        """The score."""
        return self.score
