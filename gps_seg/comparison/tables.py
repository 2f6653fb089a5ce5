# Copyright (c) gps_seg contributors. Apache-2.0.
"""The tables of a summary in Markdown, to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gps_seg.comparison.agreement_text import agreement_section
from gps_seg.comparison.cells import (
    COSTS,
    NONE,
    difference_cell,
    error_line,
    rate_cell,
    spread_cell,
    trained_cells,
)
from gps_seg.comparison.ensembles_text import ensembles_section
from gps_seg.comparison.records import VALIDATION
from gps_seg.files import write_text
from gps_seg.text import markdown

Summary = Mapping[str, Any]
_Row = Mapping[str, Any]


def write_markdown(summary: Summary, folder: Path) -> Path:
    """Write ``table.md``, the tables to read, into a folder.

    Returns:
        The path written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from gps_seg.comparison import RunRecord, SetScores, summarise
        >>> scores = SetScores(
        ...     images=['a'], per_image={'Dice': [80.0]}, pooled={}
        ... )
        >>> run = RunRecord(
        ...     variant='gps', seed=0, rate=None, method={}, trained=2,
        ...     total=8, task_bytes=8, seconds=1.0, curve=[],
        ...     scores={'validation': scores}, treatment={},
        ... )
        >>> with TemporaryDirectory() as folder:
        ...     path = write_markdown(summarise([run], []), Path(folder))
        ...     path.read_text(encoding='utf-8').splitlines()[0]
        '## Scores and costs'
    """
    path = folder / 'table.md'
    write_text(markdown_tables(summary) + '\n', path)
    return path


def markdown_tables(summary: Summary) -> str:
    """All tables of a summary, each with what it shows."""
    return markdown.paragraphs(
        '## Scores and costs',
        _what_was_run(summary),
        main_table(summary),
        _failures(summary),
        *_difference_sections(summary),
        *_unseen_section(summary),
        *_rates_section(summary),
        *ensembles_section(summary),
        *agreement_section(summary),
    )


def main_table(summary: Summary) -> str:
    """One row per variant: rate, size, costs, and scores on validation."""
    costs = [
        name
        for name in COSTS
        if any(
            row['costs'].get(name) is not None for row in _finished(summary)
        )
    ]
    head = [
        'variant',
        'rate',
        'trained',
        '% trained',
        'delta, MiB',
        *(COSTS[name].head for name in costs),
        *(f'{name} per image' for name in summary['metrics']),
        *summary['pooled'],
    ]
    rows = [_main_row(row, costs, len(head)) for row in summary['variants']]
    return markdown.table([head, *rows])


def difference_table(
    summary: Summary, reference: str, of: str | None = None
) -> str:
    """Paired differences to a reference, by variant, data set and metric.

    Args:
        summary: Summary of a comparison.
        reference: Variant that is subtracted.
        of: Name of the only data set; None for all of them.

    Returns:
        The table; empty if there are no such differences.
    """
    rows = [
        row
        for row in _differences(summary, reference)
        if of in (None, row['set'])
    ]
    if not rows:
        return ''
    columns = list(dict.fromkeys((row['set'], row['metric']) for row in rows))
    table = [['variant', *(_column(*column) for column in columns), 'seeds']]
    for name in dict.fromkeys(row['variant'] for row in rows):
        cells = {
            (row['set'], row['metric']): row
            for row in rows
            if row['variant'] == name
        }
        texts = [difference_cell(cells.get(column)) for column in columns]
        seeds = next(iter(cells.values()))['num_seeds']
        table.append([name, *texts, seeds])
    return markdown.table(table)


def unseen_table(summary: Summary) -> str:
    """Mean of the main metric per image on each data set, by variant."""
    metric = summary['metric']
    table = [['variant', *summary['sets']]]
    for row in _finished(summary):
        cells = [
            spread_cell(row['scores'][name]['per_image'][metric])
            for name in summary['sets']
        ]
        table.append([row['variant'], *cells])
    return markdown.table(table)


def rates_table(summary: Summary) -> str:
    """Score of each rate by variant; the chosen one is bold."""
    rates = summary['rates']
    grid = sorted(
        {rate for row in rates.values() for rate, _ in row['scores']}
    )
    table = [['variant', *(f'{rate:g}' for rate in grid), 'edge']]
    for name, row in rates.items():
        scores = dict(map(tuple, row['scores']))
        cells = [f'{scores[r]:.2f}' if r in scores else NONE for r in grid]
        cells = [
            f'**{cell}**' if rate == row['best'] else cell
            for rate, cell in zip(grid, cells, strict=True)
        ]
        table.append([name, *cells, row['edge'] or NONE])
    return markdown.table(table)


def _main_row(row: _Row, costs: Sequence[str], length: int) -> list[str]:
    if row['status'] == 'failed':
        texts = [row['variant'], 'failed']
        return texts + [NONE] * (length - len(texts))
    scores = row['scores'][VALIDATION]
    return [
        row['variant'],
        rate_cell(row),
        *trained_cells(row),
        *(COSTS[name].text(row['costs'].get(name)) for name in costs),
        *map(spread_cell, scores['per_image'].values()),
        *map(spread_cell, scores['pooled'].values()),
    ]


def _what_was_run(summary: Summary) -> str:
    images = summary['sets'][VALIDATION]
    seeds = ', '.join(map(str, summary['seeds']))
    spread = (
        f'Mean ± standard deviation over the seeds {seeds}'
        if len(summary['seeds']) > 1
        else f'One run each, with seed {seeds}'
    )
    return (
        f'{spread}, in percent, on {images} validation images. The rate '
        'multiplies the learning rates of the config.'
    )


def _failures(summary: Summary) -> str:
    """One line for each variant of which a run failed."""
    return '\n'.join(
        f'- `{row["variant"]}`: a run failed with '
        f'{markdown.code(error_line(row["error"]))}'
        for row in summary['variants']
        if row['error']
    )


def _difference_sections(summary: Summary) -> Iterator[str]:
    references = [r for r in summary['references'] if _differences(summary, r)]
    if references:
        yield '## Differences'
        yield (
            'Variant minus reference, paired by seed and image, in points, '
            'with the 95 % bootstrap interval over seeds and images. '
            r'\* marks an interval on one side of 0; of many intervals some '
            'are so at random. With one seed the interval is over images '
            'alone.'
        )
    for reference in references:
        yield f'### To {reference}'
        yield difference_table(summary, reference)


def _unseen_section(summary: Summary) -> Iterator[str]:
    if len(summary['sets']) > 1:
        yield '## Unseen data sets'
        yield (
            f'{summary["metric"]} per image on data sets that no run was '
            'trained on or tuned with, beside the validation images.'
        )
        yield unseen_table(summary)


def _rates_section(summary: Summary) -> Iterator[str]:
    if summary['rates']:
        yield '## Rates'
        yield (
            f'{summary["metric"]} on held-out training images by rate; the '
            'chosen rate is bold. A better rate may lie beyond an edge of '
            'the grid.'
        )
        yield rates_table(summary)


def _finished(summary: Summary) -> list[_Row]:
    return [row for row in summary['variants'] if row['status'] == 'finished']


def _differences(summary: Summary, reference: str) -> list[_Row]:
    rows = summary['differences']
    return [row for row in rows if row['reference'] == reference]


def _column(of: str, metric: str) -> str:
    return metric if of == VALIDATION else f'{of} {metric}'
