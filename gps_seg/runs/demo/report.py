# Copyright (c) gps_seg contributors. Apache-2.0.
"""The results of the demo as text."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from gps_seg.runs.demo.story import DELTA_A, DELTA_B, FULL_A, NOTHING, Outcome
from gps_seg.runs.side_by_side.held_out import ScoreMatrix, mean_dice
from gps_seg.runs.side_by_side.live_switch import LiveSwitch
from gps_seg.runs.side_by_side.quiet_runs import Run, format_runs
from gps_seg.text.table import aligned

_WIDTH = 79


def report(outcome: Outcome) -> str:
    """The text that the demo prints at the end."""
    return '\n\n'.join(
        [
            '\n' + headline(outcome),
            'Image Dice (%) at each hospital, by what is on the base:\n'
            + format_matrix(outcome.matrix, outcome.sizes),
            format_switch(outcome.switched) + '\n' + same_scores(outcome),
            f'Methods at A:\n{format_runs([*outcome.runs.values()])}\n'
            + selected_by(outcome.runs['gps']),
            format_pictures(outcome.pictures),
        ]
    )


def headline(outcome: Outcome) -> str:
    """The result in three sentences."""
    sizes, exact = outcome.sizes, outcome.switched.is_exact
    dice = {
        state: {place: f'{mean_dice(s):.1f}' for place, s in row.items()}
        for state, row in outcome.matrix.items()
    }
    size = _kilobytes(max(sizes[DELTA_A], sizes[DELTA_B]))
    text = (
        f'One base serves three hospitals. With a file of {size} on top it '
        f'scores {dice[DELTA_A]["A"]} at A ({dice[NOTHING]["A"]} without it), '
        f'with another one {dice[DELTA_B]["B"]} at B ({dice[NOTHING]["B"]} '
        'without it). Taken off, they leave the base '
        f'{"" if exact else "NOT "}the same to the last bit: it scores '
        f'{dice[NOTHING]["source"]} at the source, where a model tuned in '
        f'full for A scores {dice[FULL_A]["source"]} and takes '
        f'{_kilobytes(sizes[FULL_A])}.'
    )
    return textwrap.fill(text, _WIDTH)


def format_matrix(matrix: ScoreMatrix, sizes: Mapping[str, int]) -> str:
    """A table with one line per state of the base, one column per hospital.

    Args:
        matrix: Scores by state, then by hospital.
        sizes: Bytes of the file of each state that has one.
    """
    places = list(next(iter(matrix.values())))
    lines = [['on the base', *places, 'file']]
    for state, row in matrix.items():
        scores = [f'{mean_dice(row[place]):.1f}' for place in places]
        size = _kilobytes(sizes[state]) if state in sizes else '-'
        lines.append([state, *scores, size])
    return aligned(lines)


def format_switch(switched: LiveSwitch) -> str:
    """The times of the three changes, and whether the base is unchanged."""
    took = switched.milliseconds
    sign, verdict = (
        ('=', 'equal to the last bit')
        if switched.is_exact
        else ('!=', 'DIFFERENT: please report this bug')
    )
    return (
        f'On one model in memory: apply A {took["apply"]:.1f} ms, switch to '
        f'B {took["switch"]:.1f} ms, revert {took["revert"]:.1f} ms.\n'
        f'SHA-256 of the base: {switched.before[:8]} before {sign} '
        f'{switched.after[:8]} after, {verdict}.'
    )


def same_scores(outcome: Outcome) -> str:
    """Whether delta A, read from its file, has the score of its training."""
    trained = outcome.runs['gps'].scores['image_mDice']
    loaded = mean_dice(outcome.matrix[DELTA_A]['A'])
    verdict = 'equal' if trained == loaded else 'DIFFERENT'
    return (
        f'Image Dice of delta A: {trained:.4f} in training, {loaded:.4f} '
        f'from its file, {verdict}.'
    )


def selected_by(run: Run) -> str:
    """The number of connections that a run of GPS selected."""
    number, total = run.trained.connections, run.trained.total
    return (
        f'gps selected {number:,} connections, one per neuron '
        f'({number / total:.2%}); random selected as many.'
    )


def format_pictures(pictures: Mapping[Path, str]) -> str:
    """The pictures, with a description of each."""
    lines = [f'  {path}: {seen}' for path, seen in pictures.items()]
    return '\n'.join(['Pictures:', *lines])


def _kilobytes(size: int) -> str:
    return f'{size / 1000:,.0f} kB'
