# Copyright (c) gps_seg contributors. Apache-2.0.
"""Agreement of the variants as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gps_seg.comparison.cells import NONE
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
    run = votes['best_run']
    several = ', '.join(votes['variants']['variants'])
    rows = [
        ('single runs or majority vote of each pixel', 'Dice per image'),
        (f'{best}, mean of its runs', votes['best_variant']['dice']),
        (f'best run: {run["variant"]}, seed {run["seed"]}', run['dice']),
        *_vote_of_seeds(votes),
        (f'vote of {members} variants: {several}', votes['variants']['dice']),
        (
            f'vote of all {len(votes["all"]["variants"])} variants',
            votes['all']['dice'],
        ),
    ]
    head, *body = rows
    return markdown.table([head, *((name, f'{d:.2f}') for name, d in body)])


def _vote_of_seeds(votes: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The row of the vote of seeds; none if there were too few."""
    seeds = votes['seeds']
    if seeds is not None:
        number = len(seeds['seeds'])
        yield f'vote of {number} seeds of {seeds["variant"]}', seeds['dice']
