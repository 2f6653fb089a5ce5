# Copyright (c) gps_seg contributors. Apache-2.0.
"""The measurements as text: absolute values, then ratios."""

from collections.abc import Sequence

from gps_seg.benchmark.results import (
    MIB,
    RATIOS,
    Summary,
    ratios_of,
    summarize,
)
from gps_seg.benchmark.rounds import Measurement
from gps_seg.text.table import aligned

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
    'Medians of all rounds. Gradients, optimizer state and the bytes that '
    "each of two\nprocesses sends per step are the encoder's: all methods "
    'train the head. So are the\ntrained values. The peak is memory beyond '
    'that of the built model, with the pass over\nthe data of a method that '
    'selects by itself (not of the rivals). FLOPs are those of\nthe tuned '
    'encoder at test time, relative to the plain one; a method that merges '
    'can be\nfolded into the plain one.'
)


def format_tables(measurements: Sequence[Measurement]) -> str:
    """Two tables with one line per row; ``-`` stands for an unknown value.

    Example:
        >>> from gps_seg.benchmark.methods import Row
        >>> row = Row('lora', None, 'lora')
        >>> text = format_tables([Measurement(row, problem='needs peft')])
        >>> [line for line in text.splitlines() if 'lora' in line][-1]
        'lora: not measured (needs peft)'
    """
    summaries = [s for s in map(summarize, measurements) if s is not None]
    measured = [MEASURED, *map(_measured, summaries)]
    compared = [
        ('method', *RATIOS),
        *(_compared(summary, summaries) for summary in summaries),
    ]
    missing = [
        f'{m.row.label}: not measured ({m.problem})'
        for m in measurements
        if m.problem is not None
    ]
    return '\n'.join(
        [aligned(measured), '', aligned(compared), '', *missing, NOTE]
    )


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


def _compared(
    summary: Summary, summaries: Sequence[Summary]
) -> tuple[str, ...]:
    ratios = ratios_of(summary, summaries).values()
    return (
        summary.label,
        *('-' if ratio is None else f'{ratio:.3f}' for ratio in ratios),
    )
