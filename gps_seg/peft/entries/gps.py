# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradient-based Parameter Selection (Zhang et al., CVPR 2024).

In each neuron of the encoder the ``k`` input connections with the largest
|gradient| train, together with the biases and everything outside the encoder.
Norms, tokens and position embeddings stay frozen. The other scores and scopes
are those of the paper's ablation and of competing methods.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gps_seg.peft.entries.selecting import SelectsEntries, amount_of
from gps_seg.sparse import Budget
from gps_seg.sparse.checks import check_share
from gps_seg.sparse.scoring.criteria import check_score


@dataclass(frozen=True, kw_only=True)
class GPS(SelectsEntries):
    """Train the connections with the highest scores.

    Exactly one of ``k``, ``share`` and ``count`` is given.

    Args:
        k: Connections per neuron, from 1 to the smallest fan-in; the average
            in a larger scope.
        share: Share of the connections within the scope, in (0, 1].
        count: Largest number of connections in the whole encoder.
        score: ``'gradient'`` (GPS), ``'fisher'``, ``'taylor'``,
            ``'newton'`` (``|gradient|`` over the root mean square of the
            input), ``'decrement'`` (the same beyond what the bias can do),
            ``'activation'`` (FPS, without a backward pass), ``'magnitude'``,
            or the control, ``'random'``.
        scope: Competitors: the inputs of a ``'neuron'``, the entries of a
            weight (``'layer'``), or of all weights (``'network'``).
        encoder: Name of the pretrained submodule, in which connections are
            selected.
        rules: Rows of the rule table above the standard ones.
        settled: Share of the selection, in (0, 1]. The pass over the training
            data stops when this share is unchanged after the number of batches
            has doubled. None to use all data.

    Raises:
        TypeError: If ``k`` or ``count`` is not an integer.
        ValueError: If a value is out of range, or a name is unknown.

    Example:
        >>> GPS(k=1).rule
        Budget(scope='neuron', amount=Connections(k=1))
        >>> GPS(share=0.01, scope='layer', score='magnitude').rule
        Budget(scope='layer', amount=Share(share=0.01))
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
        """The amount within each scope."""
        amount = amount_of(k=self.k, share=self.share, count=self.count)
        return Budget(self.scope, amount)

    @property
    def criterion(self) -> str:
        """The score."""
        return self.score

    def has_seen_enough(self, num_batches: int, kept: float | None) -> bool:
        """Whether at least ``settled`` of the selection is unchanged."""
        if self.settled is None or kept is None:
            return False
        return kept >= self.settled

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """Settings that the score does not use, including ``settled``."""
        own = frozenset({'settled'} if self.settled else ())
        if self.evidence is None:
            given |= own
        return super().ignored(given)
