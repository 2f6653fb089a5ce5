# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradient-based Parameter Selection (Zhang et al., CVPR 2024).

Of every neuron of the encoder the ``k`` input connections with the largest
|gradient| train, together with the biases and all that lies outside the
encoder. Norms, tokens and position embeddings stay. Other scores and scopes
are those of the paper's ablation and of its rivals.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gps_seg.peft.selecting import SelectsEntries, amount_of
from gps_seg.sparse import Budget
from gps_seg.sparse.checks import check_share
from gps_seg.sparse.scoring.criteria import check_score


@dataclass(frozen=True, kw_only=True)
class GPS(SelectsEntries):
    """Train the connections with the highest scores.

    Exactly one of ``k``, ``share`` and ``count`` says how many.

    Args:
        k: Connections per neuron, from 1 to the smallest fan-in; in a larger
            scope as many on average.
        share: Share of the connections within the scope, in (0, 1].
        count: Upper bound of the connections in the whole encoder.
        score: One of :data:`gps_seg.sparse.SCORES`: ``'gradient'`` (GPS),
            ``'fisher'``, ``'taylor'``, ``'activation'`` (FPS, no backward
            pass), ``'magnitude'``, or ``'random'``, the control.
        scope: Competitors: the inputs of a ``'neuron'``, the entries of a
            weight (``'layer'``), or all (``'network'``).
        encoder: Name of the pretrained submodule to select in.
        rules: Rows of the rule table that come before the standard ones.
        settled: Stop the pass over the training data once at least this share
            of the entries, in (0, 1], stays while the data seen doubles; None
            to see all of the data.

    Raises:
        TypeError: If ``k`` or ``count`` is no integer.
        ValueError: If a value is out of range, or a name unknown.
    """

    k: int | None = None
    share: float | None = None
    count: int | None = None
    score: str = 'gradient'
    scope: str = 'neuron'
    settled: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_score(self.score)
        if self.settled is not None:
            check_share('settled', self.settled)

    @property
    def rule(self) -> Budget:
        """As many of each scope as the amount says."""
        amount = amount_of(k=self.k, share=self.share, count=self.count)
        return Budget(self.scope, amount)

    @property
    def criterion(self) -> str:
        """As given."""
        return self.score

    def has_seen_enough(self, num_batches: int, kept: float | None) -> bool:
        """Once ``settled`` of the selection stayed."""
        if self.settled is None or kept is None:
            return False
        return kept >= self.settled

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """What the score makes no use of, ``settled`` among it."""
        own = frozenset({'settled'} if self.settled else ())
        if self.evidence is None:
            given |= own
        return super().ignored(given)
