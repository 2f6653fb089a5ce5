# Copyright (c) gps_seg contributors. Apache-2.0.
"""Ensembles of base and tuned weights as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gps_seg.comparison.cells import NONE, difference_cell
from gps_seg.text import markdown


def ensembles_section(summary: Mapping[str, Any]) -> Iterator[str]:
    """Heading, text and table of the ensembles; nothing if there are none."""
    ensembles = summary['ensembles']
    if ensembles is None:
        return
    yield '## Weight-space ensembles'
    if ensembles['rows']:
        yield (
            f'Mean {summary["metric"]} per image of the weights base + alpha '
            '(tuned - base), and the difference to the tuned model, alpha 1, '
            r'in points with its 95 % bootstrap interval. \* marks an '
            'interval on one side of 0. The head, which has no base, keeps '
            'its tuned weights.'
        )
        yield ensembles_table(summary)
    if ensembles['left_out']:
        names = ', '.join(f'`{name}`' for name in ensembles['left_out'])
        yield (
            f'Left out: {names}. Modules that a method adds are not in the '
            'base, so there are no weights between base and tuned model.'
        )


def ensembles_table(summary: Mapping[str, Any]) -> str:
    """Score by alpha for each variant and data set; empty without ensembles.

    A cell is the mean score and its difference to the tuned model.
    """
    ensembles = summary['ensembles']
    if not ensembles or not ensembles['rows']:
        return ''
    rows = ensembles['rows']
    alphas = sorted({alpha for row in rows for alpha, _ in row['scores']})
    head = ['variant', 'data set', *(f'alpha {alpha:g}' for alpha in alphas)]
    return markdown.table(
        [
            head,
            *(
                [row['variant'], row['set'], *ensemble_cells(row, alphas)]
                for row in rows
            ),
        ]
    )


def ensemble_cells(
    row: Mapping[str, Any], alphas: Sequence[float]
) -> Iterator[str]:
    """Score at each alpha, and its difference to the tuned model.

    Args:
        row: Result of :func:`gps_seg.comparison.ensembles.along_alpha`.
        alphas: Alpha of each cell.
    """
    scores = dict(map(tuple, row['scores']))
    differences = {each['alpha']: each for each in row['differences']}
    for alpha in alphas:
        if alpha not in scores:
            yield NONE
        elif alpha not in differences:
            yield f'{scores[alpha]:.2f}'
        else:
            text = difference_cell(differences[alpha])
            yield f'{scores[alpha]:.2f}, {text}'
