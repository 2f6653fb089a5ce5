# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of a validation or a test, for people to read."""

from collections.abc import Mapping
from typing import Any, Self

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from gps_seg.engine.metric_names import is_of_a_class
from gps_seg.engine.saving.delta_hook import BETTER, DeltaHook
from gps_seg.engine.saving.delta_run import finite_numbers
from gps_seg.text.table import aligned


def overall(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The scores of the whole task, without those of single classes."""
    return {
        name: value
        for name, value in finite_numbers(metrics).items()
        if not is_of_a_class(name) and name not in ('time', 'data_time')
    }


def format_scores(metrics: Mapping[str, Any], first: str | None = None) -> str:
    """Scores in one line.

    Args:
        metrics: Result of an evaluation.
        first: Name of the score to begin with.

    Example:
        >>> format_scores({'mIoU': 71.234, 'mDice': 80}, first='mDice')
        'mDice 80.00, mIoU 71.23'
    """
    scores = overall(metrics)
    names = sorted(scores, key=lambda name: name != first)
    return ', '.join(f'{name} {scores[name]:.2f}' for name in names)


def scores_table(metrics: Mapping[str, Any]) -> str:
    """All scores as aligned text: overall, then one line for each class."""
    scores = finite_numbers(metrics)
    rows = [(name, f'{score:.2f}') for name, score in overall(scores).items()]
    return '\n\n'.join(filter(None, [aligned(rows), _class_table(scores)]))


def _class_table(scores: Mapping[str, float]) -> str:
    """A table with a line for each class and a column for each score."""
    columns: dict[str, dict[str, float]] = {}
    for name, score in scores.items():
        if is_of_a_class(name):
            kind, _, of = name.rpartition('/')[2].partition('.')
            columns.setdefault(kind, {})[of] = score
    classes = list(dict.fromkeys(c for col in columns.values() for c in col))
    rows = [
        (name, *(_cell(column.get(name)) for column in columns.values()))
        for name in classes
    ]
    return aligned([('class', *columns), *rows]) if rows else ''


def _cell(score: float | None) -> str:
    return '-' if score is None else f'{score:.2f}'


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
