# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the demo showed, as text."""

from gps_seg.runs.demo.story import DELTA_A, DELTA_B, FULL_A, NOTHING, Outcome
from gps_seg.runs.side_by_side.held_out import ScoreMatrix, mean_dice
from gps_seg.runs.side_by_side.live_switch import LiveSwitch
from gps_seg.runs.side_by_side.quiet_runs import format_runs
from gps_seg.text.table import aligned


def report(outcome: Outcome) -> str:
    """Everything that the demo prints at its end."""
    return '\n\n'.join(
        [
            headline(outcome),
            'Image Dice (%) by what is on the base, and by hospital:\n'
            + format_matrix(outcome.matrix, outcome.sizes),
            format_switch(outcome.switched) + '\n' + same_scores(outcome),
            'Methods at hospital A:\n'
            + format_runs(list(outcome.runs.values())),
            format_pictures(outcome),
        ]
    )


def headline(outcome: Outcome) -> str:
    """Two sentences for someone who reads no more."""
    dice = {
        name: {place: mean_dice(scores) for place, scores in row.items()}
        for name, row in outcome.matrix.items()
    }
    size = max(outcome.sizes[DELTA_A], outcome.sizes[DELTA_B])
    return (
        f'\nOne base, three hospitals: with a file of {_kilobytes(size)} on '
        'it, the base scores\n'
        f'{dice[DELTA_A]["A"]:.1f} instead of {dice[NOTHING]["A"]:.1f} at A, '
        f'and {dice[DELTA_B]["B"]:.1f} instead of {dice[NOTHING]["B"]:.1f} '
        'at B. Taken off, the base is\n'
        f'{"" if outcome.switched.is_exact else "NOT "}what it was, to the '
        f'last bit, and scores {dice[NOTHING]["source"]:.1f} at the source; '
        'a model tuned\n'
        f'in full for A scores {dice[FULL_A]["source"]:.1f} there, and takes '
        f'{_kilobytes(outcome.sizes[FULL_A])}.'
    )


def format_matrix(matrix: ScoreMatrix, sizes: dict[str, int]) -> str:
    """A table with one line per state of the base, one column per hospital.

    Args:
        matrix: Scores by state, then by hospital.
        sizes: Bytes of the file of each state that has one.
    """
    places = list(next(iter(matrix.values())))
    lines = [['on the base', *places, 'file']]
    for name, row in matrix.items():
        scores = [f'{mean_dice(row[place]):.1f}' for place in places]
        size = _kilobytes(sizes[name]) if name in sizes else '-'
        lines.append([name, *scores, size])
    return aligned(lines)


def format_switch(switched: LiveSwitch) -> str:
    """How long the changes of a model took, and whether it is as before."""
    took = switched.milliseconds
    relation = '=' if switched.is_exact else '!='
    verdict = (
        'equal to the last bit'
        if switched.is_exact
        else 'DIFFERENT: this is a bug, please report it'
    )
    return (
        f'On one model in memory: apply A {took["apply"]:.1f} ms, switch to B '
        f'{took["switch"]:.1f} ms, take off {took["revert"]:.1f} ms.\n'
        f'SHA-256 of the base before and after: {switched.before[:12]} '
        f'{relation} {switched.after[:12]}, {verdict}.'
    )


def same_scores(outcome: Outcome) -> str:
    """Whether the file of delta A scores what the training ended with."""
    trained = outcome.runs['gps'].scores['image_mDice']
    loaded = mean_dice(outcome.matrix[DELTA_A]['A'])
    verdict = 'equal' if trained == loaded else 'DIFFERENT'
    return (
        f'Delta A scored {trained:.2f} at the end of its training and '
        f'{loaded:.2f} from its file: {verdict}.'
    )


def format_pictures(outcome: Outcome) -> str:
    """The pictures, and what one sees on each."""
    lines = [
        f'  {path}  {seen}'
        for path, seen in outcome.pictures.items()
    ]
    return '\n'.join(['Pictures:', *lines])


def _kilobytes(size: int) -> str:
    return f'{size / 1000:,.0f} kB'
