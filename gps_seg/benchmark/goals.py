# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the package promises about costs, as data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gps_seg.benchmark.hosts import ARCHITECTURES
from gps_seg.benchmark.results import Ratio, paired, values_of
from gps_seg.benchmark.rounds import Measurement
from gps_seg.benchmark.settings import Settings


class Figure(NamedTuple):
    """A number of a run.

    Args:
        row: Label of a row, or a key of the costs that have no row.
        metric: Key of :func:`~gps_seg.benchmark.results.values_of`, or the
            unit of the cost.
    """

    row: str
    metric: str


class Goal(NamedTuple):
    """A number, or a ratio of two, that should not be above a limit.

    Args:
        archs: Architectures, at their default size, to which it applies.
        value: The number.
        over: Number that divides it; None for none.
        limit: The largest value that meets the goal.
        compiled: Whether it is about a run under ``torch.compile``.
    """

    archs: tuple[str, ...]
    value: Figure
    over: Figure | None
    limit: float
    compiled: bool = False

    @property
    def heading(self) -> str:
        """What it is about, in a line."""
        row, metric = self.value
        if self.over is None:
            return f'{row}, {metric}'
        return f'{row} / {self.over.row}, {metric}'


class Outcome(NamedTuple):
    """A goal and what a run says about it.

    Args:
        heading: Subject of the goal.
        got: Value or ratio, over the rounds.
        limit: The largest value that meets the goal.
    """

    heading: str
    got: Ratio
    limit: float

    @property
    def is_met(self) -> bool:
        """Whether the median is within the limit."""
        return self.got.median <= self.limit


def _ratio(
    archs: tuple[str, ...],
    metric: str,
    row: str,
    other: str,
    limit: float,
    compiled: bool = False,
) -> Goal:
    value, over = Figure(row, metric), Figure(other, metric)
    return Goal(archs, value, over, limit, compiled)


_B16, _OWN = ('vit-b16',), ('mmseg-vit-b16',)
_BOTH = _B16 + _OWN
_PYRAMIDS = ('swin-t', 'convnext-t')
_OURS, _BIAS = 'ours k=1', 'bias'
_EQUAL = 'paca equal size'
#: Costs without a row.
SWITCH = Figure('switch of deltas', 'ms')
SELECTION = Figure('selection from sums', 's')
#: The goals, for k = 1 at batch 1 in float32 on a CPU.
GOALS: Sequence[Goal] = (
    _ratio(_B16, 'time', _OURS, _BIAS, 1.05),
    _ratio(_B16, 'saved', _OURS, _BIAS, 1.05),
    _ratio(_OWN, 'time', _OURS, 'full (shipped)', 0.68),
    _ratio(_OWN, 'saved', _OURS, 'full (shipped)', 0.35),
    _ratio(_OWN, 'time', 'inference fused', 'inference shipped', 0.72),
    _ratio(_BOTH, 'time', _OURS, _BIAS, 1.10, compiled=True),
    _ratio(_BOTH, 'saved', _OURS, _BIAS, 1.05, compiled=True),
    _ratio(_BOTH, 'time', _OURS, _EQUAL, 1.0),
    _ratio(_BOTH, 'saved', _OURS, _EQUAL, 1.0),
    _ratio(_PYRAMIDS, 'time', _OURS, _BIAS, 1.08),
    _ratio(_BOTH, 'saved', f'{_OURS} mlps', _OURS, 0.65),
    _ratio(_BOTH, 'time', f'{_OURS} mlps', _OURS, 1.15),
    Goal(_BOTH, SWITCH, None, 10.0),
    Goal(_BOTH, SELECTION, None, 0.4),
)


def outcomes(
    settings: Settings, figures: Mapping[Figure, Sequence[float]]
) -> list[Outcome]:
    """What a run says about the goals that apply to it.

    Args:
        settings: Settings of the run.
        figures: Numbers of the run, a value per round or one for all.

    Example:
        >>> settings = Settings(arch='swin-t', size=512)
        >>> figures = {
        ...     Figure('ours k=1', 'time'): [2.1, 3.0, 2.2],
        ...     Figure('bias', 'time'): [2.0, 2.0, 2.0],
        ... }
        >>> (outcome,) = outcomes(settings, figures)
        >>> outcome.got.median, outcome.limit, outcome.is_met
        (1.1, 1.08, False)
    """
    return [
        Outcome(goal.heading, _got(goal, figures), goal.limit)
        for goal in GOALS
        if _applies(goal, settings)
        and {goal.value, goal.over or goal.value} <= figures.keys()
    ]


def _got(goal: Goal, figures: Mapping[Figure, Sequence[float]]) -> Ratio:
    over = [1.0] if goal.over is None else figures[goal.over]
    return paired(figures[goal.value], over)


def _applies(goal: Goal, settings: Settings) -> bool:
    usual = Settings(
        arch=settings.arch,
        size=ARCHITECTURES[settings.arch].size,
        compile=goal.compiled,
    )
    shared = ('size', 'batch', 'device', 'dtype', 'compile')
    return settings.arch in goal.archs and all(
        getattr(settings, name) == getattr(usual, name) for name in shared
    )


def figures_of(
    measurements: Iterable[Measurement],
    inference: Mapping[str, Sequence[Sequence[float]]],
    selections: Iterable[Mapping[str, Any]],
    costs: Mapping[str, Any] | None,
) -> dict[Figure, list[float]]:
    """The numbers of a run that goals may be about.

    Args:
        measurements: All rows.
        inference: Seconds of inference per round, by label.
        selections: Facts about the selections.
        costs: Costs that do not depend on the batch; None if not measured.

    Example:
        >>> facts = {'k': 1, 'seconds_from_sums': 0.3}
        >>> inference = {'inference fused': [[0.2, 0.1]]}
        >>> figures = figures_of([], inference, [facts], costs=None)
        >>> {figure.row: values for figure, values in figures.items()}
        {'inference fused': [0.1], 'selection from sums': [0.3]}
    """
    figures = {
        Figure(measurement.row.label, metric): values
        for measurement in measurements
        for metric, values in values_of(measurement).items()
    }
    for label, rounds in inference.items():
        figures[Figure(label, 'time')] = [min(seconds) for seconds in rounds]
    for facts in selections:
        if facts['k'] == 1:
            figures[SELECTION] = [facts['seconds_from_sums']]
    if costs is not None and costs['k'] == 1:
        figures[SWITCH] = [1000 * costs['switch_seconds']]
    return figures
