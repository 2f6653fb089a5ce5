# Copyright (c) gps_seg contributors. Apache-2.0.
"""The measurements as text: absolute values, then ratios."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from gps_seg.benchmark.goals import Outcome
from gps_seg.benchmark.results import (
    MIB,
    RATIOS,
    Ratio,
    Summary,
    quartiles_of,
    ratios_of,
    summarize,
)
from gps_seg.benchmark.rounds import Measurement
from gps_seg.text.table import aligned

#: Parts of every step of ours, whatever the batch.
PER_STEP = ('optimizer', 'write', 'interception')
MEASURED = (
    'method',
    'step ms',
    '(quartiles)',
    'saved MiB',
    'gradients',
    'state',
    'network',
    'peak',
    'trained',
    'FLOPs',
)
NOTE = (
    'Medians of all rounds; ratios of times compare the fastest steps of a '
    'round, with\ntheir range over the rounds. Gradients, optimizer state and '
    "the bytes that each of two\nprocesses sends per step are the encoder's: "
    'all methods train the head. So are the\ntrained values. The peak is '
    'memory beyond that of the built model, with the pass over\nthe data of a '
    'method that selects by itself (not of the rivals). FLOPs are those of\n'
    'the tuned encoder at test time, relative to the plain one; a method that '
    'merges can be\nfolded into the plain one.'
)


def format_tables(measurements: Sequence[Measurement]) -> str:
    """Two tables with one line per row; ``-`` stands for an unknown value.

    Example:
        >>> from gps_seg.benchmark.rows import Row
        >>> row = Row('lora', None, 'lora')
        >>> text = format_tables([Measurement(row, problem='needs peft')])
        >>> [line for line in text.splitlines() if 'lora' in line][-1]
        'lora: not measured (needs peft)'
    """
    rows = [(m, s) for m in measurements if (s := summarize(m)) is not None]
    measured = [MEASURED, *(_measured(summary) for _, summary in rows)]
    compared = [
        ('method', *_headings()),
        *(_compared(measurement, measurements) for measurement, _ in rows),
    ]
    missing = [
        f'{m.row.label}: not measured ({m.problem})'
        for m in measurements
        if m.problem is not None
    ]
    compiled = [
        f'{m.row.label}: {m.compilation.graphs} compiled graphs, '
        f'{m.compilation.breaks} graph breaks, {m.compilation.again} '
        'recompilations'
        for m in measurements
        if m.compilation is not None
    ]
    tables = [aligned(measured), '', aligned(compared), '']
    return '\n'.join([*tables, *missing, *compiled, NOTE])


def format_inference(
    seconds: Mapping[str, Sequence[Sequence[float]]], batch: int
) -> str:
    """A table of images per second.

    Args:
        seconds: Seconds of each batch, one list per round, by label.
        batch: Number of images in a batch.

    Example:
        >>> print(format_inference({'inference shipped': [[0.5, 0.4]]}, 2))
        inference          images/s  (quartiles)
        inference shipped      4.50  (4.25-4.75)
    """
    rows = [('inference', 'images/s', '(quartiles)')]
    for label, rounds in seconds.items():
        speeds = sorted(batch / s for visit in rounds for s in visit)
        low, high = quartiles_of(speeds)
        rows.append(
            (
                label,
                f'{statistics.median(speeds):.2f}',
                f'({low:.2f}-{high:.2f})',
            )
        )
    return aligned(rows)


def format_costs(costs: Mapping[str, Any], step: float | None = None) -> str:
    """The costs that do not depend on the batch, in a few lines.

    Args:
        costs: Seconds by ``NAME_seconds``, with ``k`` and ``num_layers``.
        step: Seconds of a step of ours, to which all but the switch belong;
            None if unknown.

    Example:
        >>> costs = {
        ...     'k': 1,
        ...     'num_layers': 48,
        ...     'optimizer_seconds': 0.0005,
        ...     'write_seconds': 0.0025,
        ...     'interception_seconds': 0.002,
        ...     'switch_seconds': 0.008,
        ... }
        >>> print(format_costs(costs, step=0.5))
        fixed costs, ours k=1, 48 layers    ms  of a step
        optimizer                         0.50      0.1 %
        write                             2.50      0.5 %
        interception                      2.00      0.4 %
        all of a step                     5.00      1.0 %
        switch                            8.00          -
    """
    head = f'fixed costs, ours k={costs["k"]}, {costs["num_layers"]} layers'
    seconds = {name: costs[f'{name}_seconds'] for name in PER_STEP}
    seconds['all of a step'] = sum(seconds.values())
    lines = [
        (
            name,
            f'{1000 * spent:.2f}',
            f'{100 * spent / step:.1f} %' if step else '-',
        )
        for name, spent in seconds.items()
    ]
    switch = ('switch', f'{1000 * costs["switch_seconds"]:.2f}', '-')
    return aligned([(head, 'ms', 'of a step'), *lines, switch])


def format_goals(outcomes: Sequence[Outcome]) -> str:
    """A table of the goals that apply to a run.

    Example:
        >>> outcome = Outcome('ours / bias, time', Ratio(1.02, 1.0, 1.1), 1.05)
        >>> print(format_goals([outcome]))
        goal                 got        (range)  limit  met
        ours / bias, time  1.020  (1.000-1.100)  1.050  yes
    """
    head = ('goal', 'got', '(range)', 'limit', 'met')
    return aligned([head, *map(_goal, outcomes)])


def _goal(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.heading,
        f'{outcome.got.median:.3f}',
        _range(outcome.got),
        f'{outcome.limit:.3f}',
        'yes' if outcome.is_met else 'NO',
    )


def _range(ratio: Ratio) -> str:
    return f'({ratio.low:.3f}-{ratio.high:.3f})'


def _measured(summary: Summary) -> tuple[str, ...]:
    low, high = summary.quartiles
    return (
        summary.label,
        f'{1000 * summary.seconds:.1f}',
        f'({1000 * low:.1f}-{1000 * high:.1f})',
        f'{summary.saved / MIB:.1f}',
        f'{summary.gradients.encoder / MIB:.2f}',
        f'{summary.state.encoder / MIB:.2f}',
        f'{summary.network.encoder / MIB:.2f}',
        '-' if summary.peak is None else f'{summary.peak / MIB:.0f}',
        *_tuned(summary),
    )


def _tuned(summary: Summary) -> tuple[str, str]:
    tuned = summary.tuned
    if tuned is None:
        return '-', '-'
    merged = ' (merges)' if tuned.merges and tuned.flops != 1 else ''
    return f'{tuned.trained:,}', f'{tuned.flops:.4f}{merged}'


def _is_of_time(heading: str) -> bool:
    return RATIOS[heading][0] == 'time'


def _headings() -> list[str]:
    """Headings of the ratios; only times differ between the rounds."""
    return [
        part
        for heading in RATIOS
        for part in (heading, *(['(range)'] if _is_of_time(heading) else []))
    ]


def _compared(
    measurement: Measurement, measurements: Sequence[Measurement]
) -> tuple[str, ...]:
    cells = [measurement.row.label]
    for heading, ratio in ratios_of(measurement, measurements).items():
        cells.append('-' if ratio is None else f'{ratio.median:.3f}')
        if _is_of_time(heading):
            cells.append('-' if ratio is None else _range(ratio))
    return tuple(cells)
