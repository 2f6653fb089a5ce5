# Copyright (c) gps_seg contributors. Apache-2.0.
"""Counts of models as tables."""

from collections.abc import Sequence

from gps_seg.engine.reporting.trained_values import KINDS
from gps_seg.runs.counting.counts import ModelCount
from gps_seg.text.markdown import code, table
from gps_seg.text.table import aligned


def format_count(count: ModelCount) -> str:
    """Format counts as two tables and a note on the shares.

    The first table has the kinds of parameters, the second what trains.

    Args:
        count: Counts of a model.
    """
    model = count.model
    share = _percent(count.encoder_share, 3)
    last = f'({count.encoder}) {share} trains.'
    if count.added:
        last = (
            f'({count.encoder}) {share} trains, what is added to it included.'
        )
    return '\n'.join(
        [
            _table_of_kinds(count),
            '',
            _table_of_parts(count),
            '',
            f'Shares are of all {model.entries:,} values of the model. '
            'In the encoder alone',
            last,
            *count.open,
        ]
    )


def _table_of_kinds(count: ModelCount) -> str:
    head = ('kind', 'tensors', 'values', 'trained', 'frozen')
    rows = [*count.kinds, count.total, *count.added, count.head, count.model]
    return aligned(
        [
            head,
            *(
                [
                    row.kind,
                    *map(_number, (row.tensors, row.entries)),
                    *map(_number, (row.trained, row.frozen)),
                ]
                for row in rows
            ),
        ]
    )


def _table_of_parts(count: ModelCount) -> str:
    trained = count.trained
    parts = {kind: getattr(trained, kind) for kind in KINDS}
    for kind in ('added', 'other'):
        if not parts[kind]:
            del parts[kind]
    parts['together'] = trained.trained
    return aligned(
        [
            ('trained', 'values', 'share'),
            *(
                (name, _number(part), _percent(part / trained.total, 2))
                for name, part in parts.items()
            ),
        ]
    )


def markdown_table(counts: Sequence[tuple[str, ModelCount]]) -> str:
    """A table of encoders, with a line for each model.

    Args:
        counts: Name and counts of each model.
    """
    head = (
        'config',
        'encoder',
        'values of the encoder',
        'connections',
        'biases and other',
        'added',
        'share of the encoder',
    )
    rows = [
        (
            code(name),
            count.encoder,
            count.total.entries,
            count.total.selected,
            count.total.whole,
            count.trained.added,
            _percent(count.encoder_share, 3),
        )
        for name, count in counts
    ]
    table_rows: list[tuple[object, ...]] = [head, *rows]
    if not any(count.added for _, count in counts):
        table_rows = [(*row[:-2], row[-1]) for row in table_rows]
    return table(table_rows)


def _number(value: int) -> str:
    return f'{value:,}'


def _percent(share: float, digits: int) -> str:
    return f'{100 * share:.{digits}f} %'
