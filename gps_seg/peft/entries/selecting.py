# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods that select entries."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from gps_seg.peft.by_rules import ByRules
from gps_seg.peft.method import (
    Choice,
    PeftMethod,
    TrainingPass,
)
from gps_seg.peft.selects_nothing import without_a_gradient, without_a_pass
from gps_seg.sparse import (
    Connections,
    Evidence,
    Owned,
    Role,
    RunningSums,
    Scores,
    Selection,
    Share,
    Total,
    owned_parameters,
)
from gps_seg.sparse.amounts import Amount
from gps_seg.sparse.scoring.criteria import evidence_for
from gps_seg.sparse.training.unit_steps import UnitSteps


class SelectionRule(Protocol):
    """A rule that turns scores into a selection: ``Budget`` or ``Lines``."""

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError, naming the weight, if the rule does not fit."""

    def sizes(self, weights: Mapping[str, Owned]) -> dict[str, int]:
        """Number of winning entries; see :meth:`PeftMethod.sizes`."""

    def select(
        self, scores: Mapping[str, Tensor], weights: Mapping[str, Owned]
    ) -> tuple[Selection, dict[str, int]]:
        """The selection, and the number of dead neurons in each weight."""


_AMOUNTS: Mapping[str, Callable[[Any], Amount]] = {
    kind.key: kind for kind in (Connections, Share, Total)
}


def amount_of(**values: Any) -> Amount:
    """Build the amount that is given.

    Args:
        **values: Value, or None, of each amount that a method supports.

    Raises:
        ValueError: If not exactly one is given, or it is out of range.
    """
    given = {n: value for n, value in values.items() if value is not None}
    if len(given) != 1:
        raise ValueError(
            f'amount: expected exactly one of {", ".join(values)}, got '
            f'{given or "none"}. Add k=1 for one connection per neuron, or '
            'keep one of them (tools/train.py: --k 1, or --peft-options '
            'method.share=0.01).'
        )
    ((name, value),) = given.items()
    return _AMOUNTS[name](value)


def check_some_are_scored(scores: Mapping[str, Tensor]) -> None:
    """Raise ValueError if all scores of all weights are zero."""
    if not any(bool(score.any()) for score in scores.values()):
        raise ValueError(
            'score: expected gradients in the encoder, got zeros in each of '
            f'its {len(scores)} weights. A head that is initialised with '
            "zeros passes none: select by loss=dict(type='contrastive'), or "
            "after a warm-up by loss=dict(type='task', warmup=60) (PeftHook)."
        )


@dataclass(frozen=True, kw_only=True)
class SelectsEntries(ByRules, PeftMethod, ABC):
    """Select among the connections of the encoder; its biases train whole.

    Args:
        encoder: Name of the pretrained submodule, in which connections are
            selected; everything outside of it trains whole.
        rules: Rows of the rule table above the standard ones.

    Raises:
        ValueError: If the settings are wrong.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.rule  # raises if the settings are wrong

    @property
    @abstractmethod
    def rule(self) -> SelectionRule:
        """The rule: which entries compete, and how many win."""

    @property
    @abstractmethod
    def criterion(self) -> str:
        """One of :data:`gps_seg.sparse.scoring.criteria.SCORES`."""

    @property
    def evidence(self) -> Evidence | None:
        """Evidence that the criterion needs."""
        return evidence_for(self.criterion)

    @property
    def most_batches(self) -> int | None:
        """Largest number of batches of each process; None for no limit."""
        return None

    def has_seen_enough(self, num_batches: int, kept: float | None) -> bool:
        """Whether to stop the pass over the training data.

        Args:
            num_batches: Number of batches seen.
            kept: Share of the selection that had already been selected after
                half as many batches; None after the first.
        """
        return False

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError if there is no weight or the rule does not fit."""
        if not weights:
            raise ValueError(
                'method: expected trainable connections in '
                f"'{self.encoder}', got none. Is the encoder frozen (by the "
                'config, or as a copy of a tuned model), or without any '
                f'{", ".join(self._layers())}?'
            )
        self.rule.check(weights)

    def _layers(self) -> list[str]:
        """Classes of the layers in which entries are selected."""
        modules = [
            row.module for row in self.table.rows if row.role is Role.SELECTED
        ]
        names = (m if isinstance(m, str) else m.__name__ for m in modules)
        return list(dict.fromkeys(name.lstrip('_') for name in names))

    def sizes(self, weights: Mapping[str, Owned]) -> Mapping[str, int]:
        """The sizes by the rule."""
        return self.rule.sizes(weights)

    def choose(
        self,
        model: nn.Module,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Select each time the number of batches doubles, until settled."""
        parameters = {name: owned.parameter for name, owned in weights.items()}
        if self.evidence is None:
            scores = Scores(self.criterion, parameters, None, seed)
            return Choice(*self.rule.select(scores, weights))
        overlaps: dict[int, float] = {}
        last: Selection | None = None
        running = passes(self.evidence, most=self.most_batches, doublings=True)
        with closing(running):
            for sums in running:
                scores = Scores(self.criterion, parameters, sums, seed)
                selection, dead = self.rule.select(scores, weights)
                if last is not None:
                    overlaps[sums.num_batches] = selection.overlap(last)
                last = selection
                kept = overlaps.get(sums.num_batches)
                if self.has_seen_enough(sums.num_batches, kept):
                    break
        check_some_are_scored(scores)
        steps = self.steps(model, selection, sums)
        return Choice(selection, dead, overlaps, steps=steps)

    def steps(
        self, model: nn.Module, selection: Selection, sums: RunningSums
    ) -> Mapping[str, UnitSteps]:
        """Coordinates in which entries train, by name of the weight.

        Args:
            model: Model before training.
            selection: Selected entries.
            sums: Evidence by which they were selected.
        """
        return {}

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """Settings that the criterion does not use."""
        if self.evidence is None:
            return without_a_pass(given)
        if not self.evidence.needs_gradient:
            return without_a_gradient(given)
        return {}

    def cautions(self, model: nn.Module) -> Iterator[str]:
        """Name parameters that may connect neurons but match no rule."""
        inside = {
            name: owned
            for name, owned in owned_parameters(model)
            if name.startswith(f'{self.encoder}.')
            and owned.parameter.requires_grad
        }
        undecided = self.table.undecided(inside)
        if undecided:
            kinds = ', '.join(f'{k} ({name})' for k, name in undecided.items())
            yield (
                f'rules: no row matches {kinds}, so they are frozen. If they '
                'connect neurons, add rows such as dict(module='
                "'Bilinear', attribute='weight', role='selected') to the "
                "rules of the method, or role='frozen' if they do not."
            )
