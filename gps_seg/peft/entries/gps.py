# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradient-based Parameter Selection (Zhang et al., CVPR 2024).

In each neuron of the encoder the ``k`` input connections with the largest
|gradient| train, together with the biases and everything outside the encoder.
Norms, tokens and position embeddings stay frozen. The other scores and scopes
are those of the paper's ablation and of competing methods. The scores in units
of the inputs and the unit steps are of this package.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.peft.entries.bias_beside import bias_beside
from gps_seg.peft.entries.selecting import SelectsEntries, amount_of
from gps_seg.peft.selects_nothing import without_a_pass
from gps_seg.sparse import Budget, Evidence, RunningSums, Selection
from gps_seg.sparse.checks import check_share
from gps_seg.sparse.scoring.criteria import (
    SCORES,
    check_score,
    evidence_for,
)
from gps_seg.sparse.training.unit_steps import UnitSteps, unit_steps

STEPS = ('plain', 'unit')
#: Evidence of the scores that the pass for unit steps sums, too.
_SUMMED = (None, Evidence.GRADIENT, Evidence.GRADIENT_AND_INPUTS)


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
        step: ``'plain'``, in which an entry trains as it is, or ``'unit'``,
            in which a step of it moves its neuron's output as far as a step
            of the bias, which takes over the mean effect; see
            :mod:`gps_seg.sparse.training.unit_steps`. It needs the pass over
            the training data, whatever the score.
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
        >>> GPS(k=1, score='decrement', step='unit').evidence.name
        'GRADIENT_AND_INPUTS'
    """

    k: int | None = None
    share: float | None = None
    count: int | None = None
    score: str = 'gradient'
    scope: str = 'neuron'
    step: str = 'plain'
    settled: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_score(self.score)
        self._check_step()
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

    @property
    def evidence(self) -> Evidence | None:
        """Evidence that the score and the steps need."""
        if self.step == 'unit':
            return Evidence.GRADIENT_AND_INPUTS
        return super().evidence

    def steps(
        self, model: nn.Module, selection: Selection, sums: RunningSums
    ) -> Mapping[str, UnitSteps]:
        """Coordinates of all selected entries for unit steps."""
        if self.step != 'unit':
            return {}
        roles, parameters = self.roles(model), dict(model.named_parameters())
        return {
            name: unit_steps(
                parameters[name],
                indices,
                sums[name],
                bias_beside(name, parameters, roles),
            )
            for name, indices in selection.items()
        }

    def has_seen_enough(self, num_batches: int, kept: float | None) -> bool:
        """Whether at least ``settled`` of the selection is unchanged.

        Never where no data select: the selection is settled at once, and the
        scales of unit steps are not.
        """
        if self.settled is None or kept is None or super().evidence is None:
            return False
        return kept >= self.settled

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """Settings that the score does not use, including ``settled``."""
        ignored = dict(super().ignored(given))
        if self.settled and super().evidence is None:
            ignored |= without_a_pass(frozenset({'settled'}))
        return ignored

    def _check_step(self) -> None:
        if self.step not in STEPS:
            raise ValueError(
                f'step: expected one of {STEPS}, got {self.step!r}.'
            )
        if self.step == 'unit' and evidence_for(self.score) not in _SUMMED:
            fitting = [s for s in SCORES if evidence_for(s) in _SUMMED]
            raise ValueError(
                f"score: expected one of {fitting} for step='unit', got "
                f'{self.score!r}. Its evidence would need a second pass; '
                "use step='plain'."
            )
