# Copyright (c) gps_seg contributors. Apache-2.0.
"""Agreement of the variants as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gps_seg.comparison.cells import NONE, difference_cell
from gps_seg.text import markdown


def agreement_section(summary: Mapping[str, Any]) -> Iterator[str]:
    """Heading and tables of agreement; nothing if it was not measured."""
    if summary['agreement'] is not None:
        yield '## Agreement'
        yield agreement_tables(summary)


def agreement_tables(summary: Mapping[str, Any]) -> str:
    """The tables of agreement, each with what it shows.

    Empty if agreement was not measured.
    """
    agreement = summary['agreement']
    if agreement is None:
        return ''
    names = agreement['variants']
    return markdown.paragraphs(
        'Dice of the predictions of one variant against those of another, '
        'per image, in percent; same seed. On the diagonal: two seeds of one '
        'variant.',
        _matrix(names, agreement['dice']),
        'Intersection over union of the wrong pixels. Where it is low, the '
        'variants err on different pixels.',
        _matrix(names, agreement['error_overlap']),
        _votes(agreement['votes']),
    )


def _matrix(names: Sequence[str], cells: Sequence[Sequence[Any]]) -> str:
    rows = [
        [name, *(NONE if cell is None else f'{cell:.1f}' for cell in row)]
        for name, row in zip(names, cells, strict=True)
    ]
    return markdown.table([['variant', *names], *rows])


def _votes(votes: Mapping[str, Any] | None) -> str:
    if votes is None:
        return ''
    best, members = votes['best_variant']['variant'], votes['members']
    run, several = votes['best_run'], votes['variants']
    names = ', '.join(several['variants'])
    number = len(votes['all']['variants'])
    rows = [
        (f'{best}, mean of its runs', votes['best_variant']),
        (f'best run: {run["variant"]}, seed {run["seed"]}', run),
        *_vote_of_seeds(votes),
        (f'vote of {members} variants: {names}', several),
        (f'vote of all {number} variants', votes['all']),
    ]
    head = ['single runs or majority vote of each pixel', 'Dice per image']
    table = [[text, f'{one["dice"]:.2f}'] for text, one in rows]
    # Summaries of earlier versions have no gains.
    if 'gain' in several:
        head.append(f'gain over {best}')
        for row, (_, one) in zip(table, rows, strict=True):
            row.append(difference_cell(one.get('gain')))
    return markdown.table([head, *table])


def _vote_of_seeds(
    votes: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The row of the vote of seeds; none if there were too few."""
    seeds = votes['seeds']
    if seeds is not None:
        number = len(seeds['seeds'])
        yield f'vote of {number} seeds of {seeds["variant"]}', seeds
