# Copyright (c) gps_seg contributors. Apache-2.0.
"""Medians and ratios of raw measurements."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from gps_seg.benchmark.counters import Bytes
from gps_seg.benchmark.inference import TunedModel
from gps_seg.benchmark.rounds import Measurement
from gps_seg.benchmark.rows import label_of

MIB = 2**20


class Summary(NamedTuple):
    """A row over all rounds.

    Args:
        label: Name of the row.
        seconds: Median of the step time.
        quartiles: First and third quartile of the step time, seconds.
        saved: Bytes saved for the backward pass.
        gradients: Bytes of gradients.
        state: Bytes of the optimizer's state.
        network: Bytes that each of two processes sends per step.
        peak: Median of the peak memory over the rounds; None if unknown.
        tuned: Trained values and cost of the tuned model; None if unknown.
    """

    label: str
    seconds: float
    quartiles: tuple[float, float]
    saved: int
    gradients: Bytes
    state: Bytes
    network: Bytes
    peak: int | None
    tuned: TunedModel | None = None


def summarize(measurement: Measurement) -> Summary | None:
    """Medians of one row; None if it could not be measured.

    Example:
        >>> from gps_seg.benchmark.rows import Row
        >>> from gps_seg.benchmark.counters import Counts
        >>> none = Bytes(encoder=0, head=0)
        >>> measurement = Measurement(
        ...     Row('bias', None, 'bias'), seconds=[[0.2, 0.1], [0.3]],
        ...     counts=Counts(0, none, none, none))
        >>> summarize(measurement).seconds
        0.2
    """
    counts = measurement.counts
    if measurement.problem is not None or counts is None:
        return None
    seconds = [second for part in measurement.seconds for second in part]
    peaks = [peak for peak in measurement.peaks if peak is not None]
    return Summary(
        measurement.row.label,
        statistics.median(seconds),
        quartiles_of(seconds),
        counts.saved,
        counts.gradients,
        counts.optimizer_state,
        counts.network,
        round(statistics.median(peaks)) if peaks else None,
        measurement.tuned,
    )


def quartiles_of(numbers: Sequence[float]) -> tuple[float, float]:
    """First and third quartile; both equal the value if there is only one."""
    if len(numbers) == 1:
        return numbers[0], numbers[0]
    first, _, third = statistics.quantiles(numbers, method='inclusive')
    return first, third


class Ratio(NamedTuple):
    """A ratio of two rows, taken in every round.

    Rows of one round ran shortly after one another, so a busy phase of the
    machine changes both.

    Args:
        median: Median over the rounds.
        low: The smallest one.
        high: The largest one.
    """

    median: float
    low: float
    high: float


def paired(values: Sequence[float], others: Sequence[float]) -> Ratio:
    """Compare two rows round by round.

    Args:
        values: A value per round, or one for all.
        others: Values to divide by, likewise.

    Example:
        >>> paired([2.0, 9.0, 6.0], [1.0, 3.0, 3.0])
        Ratio(median=2.0, low=2.0, high=3.0)
        >>> paired([2.0], [1.0, 4.0])
        Ratio(median=1.25, low=0.5, high=2.0)
    """
    rounds = max(len(values), len(others))
    ratios = [
        value / other
        for value, other in zip(
            _for_each(values, rounds), _for_each(others, rounds), strict=False
        )
    ]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def _for_each(values: Sequence[float], rounds: int) -> Sequence[float]:
    return [*values] * rounds if len(values) == 1 else values


def values_of(measurement: Measurement) -> dict[str, list[float]]:
    """What rows are compared by: one value per round, or one for all.

    The time of a round is that of its fastest step, which other programs
    disturbed least. Gradients, state and network are the encoder's: all
    methods train the head. Empty for a row that could not be measured.
    """
    counts = measurement.counts
    if measurement.problem is not None or counts is None:
        return {}
    both = counts.gradients.encoder + counts.optimizer_state.encoder
    return {
        'time': [min(seconds) for seconds in measurement.seconds],
        'saved': [counts.saved],
        'grad+state': [both],
        'network': [counts.network.encoder],
    }


#: Heading -> key of :func:`values_of`, and name of the row to compare with,
#: which is the one whose attention runs likewise.
RATIOS: Mapping[str, tuple[str, str]] = {
    'time/full': ('time', 'full'),
    'time/bias': ('time', 'bias'),
    'time/peft-lora': ('time', 'peft-lora'),
    'saved/bias': ('saved', 'bias'),
    'grad+state/full': ('grad+state', 'full'),
    'network/full': ('network', 'full'),
}


def ratios_of(
    measurement: Measurement, measurements: Iterable[Measurement]
) -> dict[str, Ratio | None]:
    """The ratios of a row; None if the other row was not measured."""
    values = values_of(measurement)
    others = {other.row.label: values_of(other) for other in measurements}
    ratios: dict[str, Ratio | None] = {}
    for heading, (metric, name) in RATIOS.items():
        other = others.get(label_of(name, measurement.row.attention))
        ratios[heading] = (
            paired(values[metric], other[metric]) if other else None
        )
    return ratios


def as_json(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """All measurements with their medians and ratios, for a JSON file.

    Example:
        >>> from gps_seg.benchmark.rows import Row
        >>> row = Row('lora', None, 'lora')
        >>> (entry,) = as_json([Measurement(row, problem='needs peft')])
        >>> entry['problem']
        'needs peft'
    """
    content = []
    for measurement in measurements:
        entry = asdict(measurement.row) | {'problem': measurement.problem}
        summary = summarize(measurement)
        if summary is not None:
            ratios = ratios_of(measurement, measurements)
            compilation = measurement.compilation
            entry |= {
                'median_seconds': summary.seconds,
                'quartiles_seconds': summary.quartiles,
                'seconds_per_round': measurement.seconds,
                'load_per_round': measurement.loads,
                'num_threads': measurement.num_threads,
                'saved_bytes': summary.saved,
                'gradient_bytes': summary.gradients._asdict(),
                'optimizer_state_bytes': summary.state._asdict(),
                'network_bytes': summary.network._asdict(),
                'tuned_model': summary.tuned and summary.tuned._asdict(),
                'peak_bytes': summary.peak,
                'peak_bytes_per_round': measurement.peaks,
                'compilation': compilation and compilation._asdict(),
                'ratios': {h: r and r.median for h, r in ratios.items()},
                'ratio_ranges': {
                    h: r and (r.low, r.high) for h, r in ratios.items()
                },
            }
        content.append(entry)
    return content
