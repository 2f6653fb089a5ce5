"""Whole rows and columns against sums written out."""

import pytest
import torch
from torch import nn

from gps_seg.sparse import Connections, Lines, Owned, Share, Total


def owned(module):
    return Owned(module.weight, module, 'weight')


@pytest.mark.parametrize(
    ('amount', 'rows', 'columns'),
    [(Connections(2), 2, 2), (Share(0.5), 3, 2), (Total(3), 3, 3)],
)
def test_the_largest_sums_of_squares_win(amount, rows, columns):
    layer = nn.Linear(4, 6)
    score = torch.randn(6, 4)
    square = [[x * x for x in row] for row in score.tolist()]
    of_rows = [sum(row) for row in square]
    of_columns = [sum(column) for column in zip(*square, strict=True)]
    for unit, sums, count in (
        ('row', of_rows, rows),
        ('column', of_columns, columns),
    ):
        best = sorted(range(len(sums)), key=lambda i: -sums[i])[:count]
        selection, dead = Lines(unit, amount).select(
            {'w': score}, {'w': owned(layer)}
        )
        expected = [
            4 * r + c
            for r in range(6)
            for c in range(4)
            if (r if unit == 'row' else c) in best
        ]
        assert selection['w'].tolist() == expected
        assert dead == {}


def test_squares_count_and_not_magnitudes():
    layer = nn.Linear(4, 2)
    score = torch.tensor([[3.0, 0, 0, 0], [1.0, 1.0, 1.0, 1.0]])
    selection, _ = Lines('row', Connections(1)).select(
        {'w': score}, {'w': owned(layer)}
    )
    assert selection['w'].tolist() == [0, 1, 2, 3]


def test_a_row_of_a_transposed_convolution_is_an_output_channel():
    layer = nn.ConvTranspose2d(4, 6, 2, groups=2)
    score = torch.zeros_like(layer.weight)
    score[3, 1] = 1  # group 1, its output 1: output channel 4
    selection, _ = Lines('row', Connections(1)).select(
        {'w': score}, {'w': owned(layer)}
    )
    mask = torch.zeros(layer.weight.numel(), dtype=torch.bool)
    mask[selection['w']] = True
    mask = mask.view_as(layer.weight)
    assert mask[2:, 1].all()
    assert mask.sum() == mask[2:, 1].numel()


@pytest.mark.parametrize(('unit', 'most'), [('row', 6), ('column', 4)])
def test_more_lines_than_there_are(unit, most):
    weights = {'w': owned(nn.Linear(4, 6))}
    with pytest.raises(ValueError, match=rf'k: expected 1 to {most} .* got 9'):
        Lines(unit, Connections(9)).check(weights)


def test_an_unknown_unit_lists_the_units():
    with pytest.raises(ValueError, match="'row', 'column'"):
        Lines('block', Connections(1))
