# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of a validation or a test, for people to read."""

from collections.abc import Mapping
from typing import Any, Self

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from gps_seg.engine import DeltaHook
from gps_seg.engine.saving.delta_hook import BETTER
from gps_seg.engine.saving.delta_run import finite_numbers
from gps_seg.text.scores import by_class, overall, score_text
from gps_seg.text.table import aligned


def format_scores(metrics: Mapping[str, Any], first: str | None = None) -> str:
    """Scores in one line.

    Args:
        metrics: Result of an evaluation.
        first: Name of the score to begin with.

    Example:
        >>> format_scores({'mIoU': 71.234, 'mDice': 80}, first='mDice')
        'mDice 80.00, mIoU 71.23'
    """
    scores = overall(finite_numbers(metrics))
    names = sorted(scores, key=lambda name: name != first)
    return ', '.join(f'{name} {score_text(scores[name])}' for name in names)


def scores_table(metrics: Mapping[str, Any]) -> str:
    """All scores as aligned text: overall, then one line for each class."""
    scores = finite_numbers(metrics)
    rows = [(name, score_text(s)) for name, s in overall(scores).items()]
    kinds, classes = by_class(scores)
    table = [
        (name, *(score_text(own.get(kind)) for kind in kinds))
        for name, own in classes.items()
    ]
    tables = [rows, [('class', *kinds), *table] if table else []]
    return '\n\n'.join(map(aligned, filter(None, tables)))


class BestScore:
    """The best validation of a run, by the score that chooses the weights.

    Attributes:
        value: Best score, or None before the first validation.
        iteration: Iteration of that validation; 0 if it was before a resume.

    Args:
        name: Name of the score; None if the run has none.
        rule: ``'greater'`` or ``'less'``.
        value: Best score of the run that is resumed.
    """

    def __init__(
        self, name: str | None, rule: str, value: float | None
    ) -> None:
        self.name = name
        self.rule = rule
        self.value = value
        self.iteration = 0
        self.last: dict[str, float] = {}

    @classmethod
    def of(cls, runner: Runner) -> Self:
        """Best score by the hook of the runner that keeps the best weights."""
        for hook in runner.hooks:
            if isinstance(hook, DeltaHook):
                return cls(hook.save_best, hook.rule, hook.best)
            if isinstance(hook, CheckpointHook) and hook.save_best:
                # With several metrics, or 'auto', see MMEngine's own log.
                (name, *_), (rule, *_) = hook.key_indicators, hook.rules
                best = runner.message_hub.runtime_info.get('best_score')
                return cls(name, rule or 'greater', best)
        return cls(None, 'greater', None)

    def update(self, metrics: Mapping[str, Any], runner: Runner) -> bool:
        """Record the scores of a validation; True if they are the best."""
        self.last = finite_numbers(metrics)
        score = self.last.get(self.name or '')
        if score is None:
            return False
        if self.value is not None and not BETTER[self.rule](score, self.value):
            return False
        self.value, self.iteration = score, runner.iter
        return True
