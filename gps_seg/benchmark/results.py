# Copyright (c) gps_seg contributors. Apache-2.0.
"""Medians and ratios of raw measurements."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from gps_seg.benchmark.counters import Bytes
from gps_seg.benchmark.inference import TunedModel
from gps_seg.benchmark.rounds import Measurement

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
        >>> from gps_seg.benchmark.methods import Row
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


def _gradients_and_state(summary: Summary) -> float:
    return summary.gradients.encoder + summary.state.encoder


#: Heading -> value to compare, and label of the row to compare with.
#: Gradients, state and network are the encoder's: all methods train the head.
RATIOS: Mapping[str, tuple[Callable[[Summary], float], str]] = {
    'time/full': (lambda summary: summary.seconds, 'full'),
    'time/bias': (lambda summary: summary.seconds, 'bias'),
    'time/peft-lora': (lambda summary: summary.seconds, 'peft-lora'),
    'saved/bias': (lambda summary: summary.saved, 'bias'),
    'grad+state/full': (_gradients_and_state, 'full'),
    'network/full': (lambda summary: summary.network.encoder, 'full'),
}


def ratios_of(
    summary: Summary, summaries: Iterable[Summary]
) -> dict[str, float | None]:
    """The ratios of a row; None if the other row was not measured."""
    others = {other.label: other for other in summaries}
    return {
        heading: value(summary) / value(others[label])
        if label in others
        else None
        for heading, (value, label) in RATIOS.items()
    }


def as_json(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """All measurements with their medians and ratios, for a JSON file.

    Example:
        >>> from gps_seg.benchmark.methods import Row
        >>> row = Row('lora', None, 'lora')
        >>> (entry,) = as_json([Measurement(row, problem='needs peft')])
        >>> entry['problem']
        'needs peft'
    """
    summaries = [s for s in map(summarize, measurements) if s is not None]
    by_label = {summary.label: summary for summary in summaries}
    content = []
    for measurement in measurements:
        entry = asdict(measurement.row) | {'problem': measurement.problem}
        if measurement.row.label in by_label:
            summary = by_label[measurement.row.label]
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
                'ratios': ratios_of(summary, summaries),
            }
        content.append(entry)
    return content
