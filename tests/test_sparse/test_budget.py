"""The budget against a per-row argsort written out in plain Python."""

import pytest
import torch
from torch import nn

from gps_seg.sparse import Owned, PerNeuron, as_neurons, topk_per_neuron


def argsort_definition(row, k):
    """Indices of the k largest of a list; of equals the lower index."""
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))
    return sorted(order[:k])


def owned(module):
    return Owned(module.weight, module, 'weight')


@pytest.mark.parametrize('k', [1, 2, 7, 12])
@pytest.mark.parametrize('levels', [3, 1000])
def test_topk_equals_a_row_by_row_argsort(k, levels):
    # Few levels: nearly every score is tied with others; zeros included.
    score = torch.randint(0, levels, (40, 12)).float()
    selected = topk_per_neuron(score, k)
    for row, chosen in zip(score.tolist(), selected, strict=True):
        expected = argsort_definition(row, k)
        assert chosen.nonzero().flatten().tolist() == expected


def test_all_equal_scores_take_the_first_k():
    selected = topk_per_neuron(torch.ones(3, 5), 2)
    assert selected.int().tolist() == [[1, 1, 0, 0, 0]] * 3


@pytest.mark.parametrize('k', [0, -1, 6])
def test_k_out_of_range_says_the_range(k):
    with pytest.raises(ValueError, match=rf'1 <= k <= 5, got {k}'):
        topk_per_neuron(torch.rand(2, 5), k)


@pytest.mark.parametrize('k', [1.0, True, '1'])
def test_k_that_is_no_count(k):
    with pytest.raises(TypeError, match='expected an int'):
        topk_per_neuron(torch.rand(2, 5), k)


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_scores_that_are_not_finite(bad):
    score = torch.rand(2, 5)
    score[1, 3] = bad
    with pytest.raises(ValueError, match='finite values, got 1'):
        topk_per_neuron(score, 1)


def test_select_counts_silent_neurons_and_uses_their_magnitude():
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(
            torch.tensor(
                [[0.1, 0.2, -0.9, 0.3], [1.0, 2, 3, 4], [-5.0, 1, 2, 3]]
            )
        )
    score = torch.tensor([[0.0] * 4, [0.0, 9, 0, 0], [0.0] * 4])
    selection, silent = PerNeuron(1).select(
        {'weight': score}, {'weight': owned(layer)}
    )
    assert silent == {'weight': 2}
    assert selection['weight'].tolist() == [2, 4 + 1, 8 + 0]


def test_a_convolution_competes_within_its_filters():
    layer = nn.Conv2d(3, 4, 2, groups=1)
    score = torch.rand_like(layer.weight)
    selection, _ = PerNeuron(2).select({'w': score}, {'w': owned(layer)})
    expected = [
        out * 12 + index
        for out in range(4)
        for index in argsort_definition(score[out].flatten().tolist(), 2)
    ]
    assert selection['w'].tolist() == expected


@pytest.mark.parametrize('groups', [1, 2])
def test_a_transposed_convolution_competes_within_output_channels(groups):
    layer = nn.ConvTranspose2d(4, 6, 3, groups=groups)
    score = torch.rand_like(layer.weight)  # shape: (in, out / groups, 3, 3)
    selection, _ = PerNeuron(1).select({'w': score}, {'w': owned(layer)})
    expected = set()
    per_group_in, per_group_out = 4 // groups, 6 // groups
    for out in range(6):
        group, column = divmod(out, per_group_out)
        inputs = range(group * per_group_in, (group + 1) * per_group_in)
        _, best = max(
            (float(score[i, column, y, x]), (i, column, y, x))
            for i in inputs
            for y in range(3)
            for x in range(3)
        )
        i, c, y, x = best
        expected.add(((i * per_group_out + c) * 3 + y) * 3 + x)
    assert set(selection['w'].tolist()) == expected


def test_each_output_channel_of_a_transposed_convolution_is_one_row():
    layer = nn.ConvTranspose2d(4, 6, 1, groups=2, bias=False)
    rows = as_neurons(layer.weight.detach(), layer)
    for out in range(6):
        x = torch.zeros(1, 6, 1, 1)
        x[0, out] = 1
        inputs = torch.zeros(1, 4, 1, 1, requires_grad=True)
        layer(inputs).backward(x)
        reached = inputs.grad.flatten()
        assert torch.equal(reached[reached != 0], rows[out])


def test_an_error_names_the_weight():
    layer = nn.Linear(4, 3)
    with pytest.raises(ValueError, match=r'1 <= k <= 4, got 9.*\(fc\.weight'):
        PerNeuron(9).check({'fc.weight': owned(layer)})
    with pytest.raises(ValueError, match=r'finite.*\(fc\.weight'):
        PerNeuron(1).select(
            {'fc.weight': torch.full((3, 4), torch.nan)},
            {'fc.weight': owned(layer)},
        )
