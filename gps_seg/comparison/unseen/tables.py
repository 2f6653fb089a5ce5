# Copyright (c) gps_seg contributors. Apache-2.0.
"""The scores of a test on several data sets as text, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gps_seg.comparison.cells import NONE, interval_cell
from gps_seg.comparison.csv_table import write_lines
from gps_seg.comparison.ensembles_text import ensemble_cells
from gps_seg.text import markdown
from gps_seg.text.table import aligned

Summary = Mapping[str, Any]
_Row = Mapping[str, Any]


def console_tables(summary: Summary) -> str:
    """The tables as aligned text."""
    tables = [set_cells(summary), alpha_cells(summary)]
    return '\n\n'.join(aligned(_unescaped(cells)) for cells in tables if cells)


def markdown_tables(summary: Summary) -> str:
    """The tables in Markdown, each with what it shows."""
    own = summary['sets'][0]['set']
    texts = [
        '## Scores',
        'Means over the images with their 95 % bootstrap intervals, and '
        'scores pooled over all pixels, in percent. Images of one group are '
        'drawn together. The last column is the change of '
        f'{summary["metric"]} from {own}: paired by image where the images '
        'are the same.',
        markdown.table(set_cells(summary)),
    ]
    if summary['ensembles']:
        texts += [
            '## Weight-space ensembles',
            f'Mean {summary["metric"]} per image of the weights base + alpha '
            '(tuned - base), and the difference to the tuned model, alpha 1, '
            r'with its 95 % bootstrap interval. \* marks an interval on one '
            f'side of 0. {_new_tensors(summary)}',
            markdown.table(alpha_cells(summary)),
        ]
    return markdown.paragraphs(*texts)


def write_csv(summary: Summary, path: Path) -> Path:
    """Write one line per data set, with numbers that are not rounded.

    Returns:
        The path written.
    """
    ensembles = {row['set']: row for row in summary['ensembles'] or []}
    lines = [
        dict(_csv_cells(row, summary['metric'], ensembles.get(row['set'])))
        for row in summary['sets']
    ]
    return write_lines(lines, path)


def set_cells(summary: Summary) -> list[list[Any]]:
    """Head and one row per data set."""
    head = [
        'data set',
        'images',
        *(f'{metric} per image' for metric in summary['metrics']),
        *summary['pooled'],
        f'change of {summary["metric"]}',
    ]
    return [head, *(_set_row(row) for row in summary['sets'])]


def alpha_cells(summary: Summary) -> list[list[Any]]:
    """Head and one row per data set, a column for each alpha; may be empty."""
    rows = summary['ensembles']
    if not rows:
        return []
    alphas = [alpha for alpha, _ in rows[0]['scores']]
    head = ['data set', *(f'alpha {alpha:g}' for alpha in alphas)]
    return [head, *([r['set'], *ensemble_cells(r, alphas)] for r in rows)]


def _set_row(row: _Row) -> list[Any]:
    images, change = f'{row["images"]:,}', row['change']
    if row['groups'] != row['images']:
        images += f' in {row["groups"]:,} groups'
    return [
        row['set'],
        images,
        *map(interval_cell, row['per_image'].values()),
        *(f'{score:.2f}' for score in row['pooled'].values()),
        NONE if change is None else interval_cell(change, sign='+'),
    ]


def _new_tensors(summary: Summary) -> str:
    """What becomes of tensors that the base does not have."""
    new = summary['new_tensors']
    if not new:
        return 'The base has all tensors of the task, its head among them.'
    return (
        f'{len(new)} new tensors, such as {markdown.code(new[0])}, have no '
        'base and keep their tuned values at every alpha.'
    )


def _unescaped(cells: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Cells in which a star need not be escaped, as it is in Markdown."""
    return [[str(cell).replace(r'\*', '*') for cell in row] for row in cells]


def _csv_cells(
    row: _Row, metric: str, ensemble: _Row | None
) -> Iterator[tuple[str, Any]]:
    for key in ('set', 'images', 'groups'):
        yield key, row[key]
    for name, interval in row['per_image'].items():
        for end, value in interval.items():
            yield f'{name} per image {end}', value
    yield from row['pooled'].items()
    for end, value in (row['change'] or {}).items():
        yield f'change of {metric} {end}', value
    for key, value in (row['damage'] or {}).items():
        yield key, value
    for alpha, score in (ensemble or {}).get('scores', []):
        yield f'{metric} at alpha {alpha:g}', score
    for each in (ensemble or {}).get('differences', []):
        for end in ('mean', 'low', 'high'):
            yield f'alpha {each["alpha"]:g} - tuned {end}', each[end]
