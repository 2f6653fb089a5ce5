"""The budget against a per-row argsort written out in plain Python."""

import weakref
from collections.abc import Mapping

import pytest
import torch
from torch import nn

from gps_seg.sparse import Budget, Connections, Owned, Rank, Share, Total
from gps_seg.sparse.neurons import as_neurons
from gps_seg.sparse.topk import topk_of_all, topk_per_row


def argsort_definition(row, k):
    """Indices of the k largest of a list; of equals the lower index."""
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))
    return sorted(order[:k])


def owned(module):
    return Owned(module.weight, module, 'weight')


def fc(module):
    return {'fc': owned(module)}


def per_neuron(k):
    return Budget('neuron', Connections(k))


def scores_with_ties(levels, shape):
    """Levels of both signs and both zeros; some rows are of one level."""
    score = torch.randint(-levels, levels + 1, shape).float() / 7
    score[torch.rand(shape) < 0.4] = -0.0
    score[torch.rand(shape[0]) < 0.2] = score[0, 0]
    return score


@pytest.mark.parametrize('dtype', [torch.float16, torch.float32])
@pytest.mark.parametrize('levels', [1, 3, 1000])
@pytest.mark.parametrize('k', range(1, 13))
def test_topk_equals_a_row_by_row_argsort(k, levels, dtype):
    score = scores_with_ties(levels, (40, 12)).to(dtype)
    expected = [argsort_definition(row, k) for row in score.tolist()]
    assert topk_per_row(score, k).tolist() == expected


def test_rows_with_ties_do_not_disturb_the_others():
    score = torch.tensor([[0.0, 2, 1], [1, 1, 1], [3, 5, 4], [2, 0, 2]])
    assert topk_per_row(score, 1).tolist() == [[1], [0], [1], [0]]
    assert topk_per_row(score, 2).tolist() == [[1, 2], [0, 1], [1, 2], [0, 2]]


@pytest.mark.parametrize('dtype', [torch.float16, torch.float32])
@pytest.mark.parametrize('levels', [1, 3, 1000])
@pytest.mark.parametrize('k', [1, 2, 100, 250, 499, 500])
def test_topk_of_all_equals_an_argsort_of_everything(k, levels, dtype):
    shapes = {'a': (20, 10), 'b': (1, 1), 'c': (23, 13)}
    scores = {
        name: scores_with_ties(levels, shape).to(dtype)
        for name, shape in shapes.items()
    }
    order = ['c', 'a', 'b']  # decides between equal scores
    flat = torch.cat([scores[name].flatten() for name in order]).tolist()
    expected = argsort_definition(flat, k)
    found, start = topk_of_all(scores, order, k), 0
    for name in order:
        stop = start + scores[name].numel()
        own = [i - start for i in expected if start <= i < stop]
        assert found[name].tolist() == own
        start = stop


def test_scores_of_any_magnitude_are_told_apart():
    near = torch.tensor(
        [1.0, 1.0 + 2**-23, 1e-45, -1e-45, 0.0, -1.0, 3.4e38, -3.4e38, -2e-45]
    )
    order = near.argsort(descending=True).tolist()
    for k in range(1, 10):
        found = topk_of_all({'a': near}, ['a'], k)['a'].tolist()
        assert found == sorted(order[:k])


@pytest.mark.parametrize('k', [0, -1, 6])
def test_k_out_of_range_says_the_range(k):
    with pytest.raises(ValueError, match=rf'1 <= k <= 5, got {k}'):
        topk_per_row(torch.rand(2, 5), k)


@pytest.mark.parametrize('number', [1.0, True, '1'])
@pytest.mark.parametrize('amount', [Connections, Total])
def test_an_amount_that_is_no_count(amount, number):
    with pytest.raises(TypeError, match='expected an int'):
        amount(number)


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
@pytest.mark.parametrize('scope', ['neuron', 'layer', 'network'])
def test_scores_that_are_not_finite(bad, scope):
    layer = nn.Linear(5, 2)
    score = torch.rand(2, 5)
    score[1, 3] = bad
    with pytest.raises(ValueError, match=r'finite values, got 1.*\(fc'):
        Budget(scope, Connections(1)).select({'fc': score}, fc(layer))


def test_select_counts_dead_neurons_and_uses_their_magnitude():
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(
            torch.tensor(
                [[0.1, 0.2, -0.9, 0.3], [1.0, 2, 3, 4], [-5.0, 1, 2, 3]]
            )
        )
    score = torch.tensor([[0.0] * 4, [0.0, 9, 0, 0], [0.0] * 4])
    selection, dead = per_neuron(1).select(
        {'weight': score}, {'weight': owned(layer)}
    )
    assert dead == {'weight': 2}
    assert selection['weight'].tolist() == [2, 4 + 1, 8 + 0]


def test_a_convolution_competes_within_its_filters():
    layer = nn.Conv2d(3, 4, 2, groups=1)
    score = torch.rand_like(layer.weight)
    selection, _ = per_neuron(2).select({'w': score}, {'w': owned(layer)})
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
    selection, _ = per_neuron(1).select({'w': score}, {'w': owned(layer)})
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
    with pytest.raises(
        ValueError, match=r'k: expected 1 to 4 .*\(fc\.weight\), got 9'
    ):
        per_neuron(9).check({'fc.weight': owned(layer)})
    with pytest.raises(ValueError, match=r'finite.*\(fc\.weight'):
        per_neuron(1).select(
            {'fc.weight': torch.full((3, 4), torch.nan)},
            {'fc.weight': owned(layer)},
        )


def two_layers():
    """Weights of 6 x 4 and 3 x 10, and scores with ties."""
    torch.manual_seed(0)
    modules = {'a': nn.Linear(4, 6), 'b': nn.Linear(10, 3)}
    scores = {
        name: torch.randint(0, 9, module.weight.shape).float()
        for name, module in modules.items()
    }
    return scores, {name: owned(module) for name, module in modules.items()}


@pytest.mark.parametrize(
    ('amount', 'in_a', 'in_b'),
    [
        (Connections(2), 2 * 6, 2 * 3),
        (Share(0.3), round(0.3 * 24), round(0.3 * 30)),
        (Share(0.001), 1, 1),
        (Total(13), 13 * 6 // 9, 13 * 3 // 9),
    ],
)
def test_a_layer_takes_its_highest_scores(amount, in_a, in_b):
    scores, weights = two_layers()
    selection, dead = Budget('layer', amount).select(scores, weights)
    for name, count in {'a': in_a, 'b': in_b}.items():
        flat = scores[name].flatten().tolist()
        assert selection[name].tolist() == argsort_definition(flat, count)
    assert dead == {}


@pytest.mark.parametrize(
    ('amount', 'count'),
    [
        (Connections(2), 2 * 9),
        (Share(0.1), round(0.1 * 54)),
        (Total(13), 13),
        (Total(54), 54),
    ],
)
def test_the_network_takes_its_highest_scores(amount, count):
    scores, weights = two_layers()
    selection, _ = Budget('network', amount).select(scores, weights)
    flat = torch.cat([scores['a'].flatten(), scores['b'].flatten()])
    expected = argsort_definition(flat.tolist(), count)
    assert selection['a'].tolist() == [i for i in expected if i < 24]
    assert selection['b'].tolist() == [i - 24 for i in expected if i >= 24]


@pytest.mark.parametrize(
    ('amount', 'in_a', 'in_b'),
    [(Share(0.3), 1, 3), (Share(0.001), 1, 1), (Total(20), 2, 2)],
)
def test_neurons_take_a_share_or_their_part_of_a_total(amount, in_a, in_b):
    scores, weights = two_layers()
    selection, _ = Budget('neuron', amount).select(scores, weights)
    assert len(selection['a']) == 6 * in_a
    assert len(selection['b']) == 3 * in_b
    assert len(selection['b'].div(10, rounding_mode='floor').unique()) == 3


@pytest.mark.parametrize(
    ('scope', 'amount', 'message'),
    [
        ('neuron', Connections(5), r'k: expected 1 to 4 .*\(a\), got 5'),
        ('neuron', Total(8), r'count: expected 9 to 44 .* 8, .* 0 of 4'),
        ('neuron', Total(45), r'count: expected 9 to 44 .* 45, .* 5 of 4'),
        ('layer', Connections(5), r'k: expected 1 to 4 .*\(a\), got 5, .* 30'),
        ('network', Connections(7), r'k: expected 1 to 6 .* 7, .* 63 of 54'),
        ('network', Total(55), r'count: expected 1 to 54 .*got 55'),
    ],
)
def test_an_amount_that_does_not_fit(scope, amount, message):
    scores, weights = two_layers()
    with pytest.raises(ValueError, match=message):
        Budget(scope, amount).check(weights)
    with pytest.raises(ValueError, match=message):
        Budget(scope, amount).select(scores, weights)


@pytest.mark.parametrize('count', [9, 44])
def test_the_legal_counts_are_legal(count):
    _, weights = two_layers()
    Budget('neuron', Total(count)).check(weights)


def test_a_network_may_leave_a_small_weight_out():
    scores, weights = two_layers()
    scores['a'] += 100
    # 14 of 24: more than a neuron of 4 inputs could take.
    selection, _ = Budget('network', Total(14)).select(scores, weights)
    assert (len(selection['a']), len(selection['b'])) == (14, 0)


@pytest.mark.parametrize('share', [0, -0.1, 1.1, float('nan')])
def test_a_share_out_of_range(share):
    with pytest.raises(ValueError, match=r'share: expected a number in'):
        Share(share)


def test_an_unknown_scope_lists_the_scopes():
    with pytest.raises(ValueError, match="'neuron', 'layer', 'network'"):
        Budget('block', Connections(1))


def test_of_equal_scores_the_first_tensor_wins():
    ones = {'a': torch.ones(2, 2), 'b': torch.ones(3)}
    found = topk_of_all(ones, ['a', 'b'], 5)
    assert found['a'].tolist() == [0, 1, 2, 3]
    assert found['b'].tolist() == [0]


def test_a_rank_is_as_many_entries_as_two_factors_have():
    layer = nn.Linear(5, 8)
    factors = nn.Linear(5, 2, bias=False), nn.Linear(2, 8, bias=False)
    number = sum(factor.weight.numel() for factor in factors)
    budget = Budget('layer', Rank(2))
    selection, _ = budget.select({'fc': torch.rand(8, 5)}, fc(layer))
    assert selection.num_selected == number


def test_a_rank_with_more_values_than_the_matrix():
    legal = r'rank: expected 1 to 3 for each layer \(fc\), got 4'
    with pytest.raises(ValueError, match=legal):
        Budget('layer', Rank(4)).check(fc(nn.Linear(5, 8)))


class Fleeting(Mapping):
    """Scores that are computed on access, and how many are alive."""

    def __init__(self, shapes):
        self.shapes = shapes
        self.alive = weakref.WeakSet()
        self.most = 0

    def __getitem__(self, name):
        score = torch.arange(8.0).view(self.shapes[name])
        self.alive.add(score)
        self.most = max(self.most, len(self.alive))
        return score

    def __iter__(self):
        return iter(self.shapes)

    def __len__(self):
        return len(self.shapes)


def test_the_network_keeps_one_score_at_a_time():
    modules = {name: nn.Linear(4, 2) for name in 'abcdef'}
    scores = Fleeting({name: m.weight.shape for name, m in modules.items()})
    weights = {name: owned(module) for name, module in modules.items()}
    Budget('network', Connections(1)).select(scores, weights)
    assert scores.most <= 2  # the next one, while the last is let go
