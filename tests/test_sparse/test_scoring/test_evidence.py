"""Sums over batches against gradients computed another way."""

import pytest
import torch
from rounding import assert_equal_to_rounding
from torch import nn
from torch.nn import functional as F

from gps_seg.sparse import Evidence, running_sums
from gps_seg.sparse.training.selected_entries import SelectedEntries


def sums_of(parameters, losses, evidence=Evidence.GRADIENT):
    for sums in running_sums(parameters, losses, evidence):
        last = sums
    return last


def test_gradients_are_summed_with_their_sign():
    layer = nn.Linear(3, 2, bias=False)
    batches = [torch.randn(5, 3) for _ in range(4)]
    scores = sums_of(
        {'w': layer.weight}, (layer(x).square().sum() for x in batches)
    )
    # d/dW sum((W x)^2) = 2 (W x) x^T, summed over batches.
    weight = layer.weight.detach()
    expected = sum(2 * (weight @ x.T) @ x for x in batches)
    assert_equal_to_rounding(scores['w'], expected, terms=4 * 5, depth=2)
    assert layer.weight.grad is None


def test_squares_are_of_each_batch():
    layer = nn.Linear(3, 2, bias=False)
    batches = [torch.randn(5, 3) for _ in range(4)]
    sums = sums_of(
        {'w': layer.weight},
        (layer(x).square().sum() for x in batches),
        Evidence.SQUARED_GRADIENT,
    )
    weight = layer.weight.detach()
    expected = sum((2 * (weight @ x.T) @ x).square() for x in batches)
    assert_equal_to_rounding(sums['w'], expected, terms=4 * 5, depth=2)
    assert layer.weight.grad is None


def test_absolute_values_are_of_each_batch():
    layer = nn.Linear(3, 2, bias=False)
    x = torch.randn(4, 3)
    losses = (scale * layer(x).sum() for scale in (1, -3))
    sums = sums_of({'w': layer.weight}, losses, Evidence.ABSOLUTE_GRADIENT)
    expected = 4 * x.sum(0).abs().expand(2, 3)
    assert_equal_to_rounding(sums['w'], expected, terms=8, depth=2)


def test_opposite_batches_cancel():
    layer = nn.Linear(3, 2, bias=False)
    x = torch.randn(4, 3)
    losses = (sign * layer(x).sum() for sign in (1, -1))
    scores = sums_of({'w': layer.weight}, losses)
    assert torch.equal(scores['w'], torch.zeros(2, 3))


def test_scores_are_float32_for_a_half_precision_weight():
    layer = nn.Linear(3, 2, bias=False).to(torch.bfloat16)
    # 256 + 1 is not a bfloat16: a sum in that type would stay at 256.
    losses = (n * layer.weight.sum() for n in (256, 1))
    scores = sums_of({'w': layer.weight}, losses)
    assert scores['w'].dtype == torch.float32
    assert torch.equal(scores['w'], torch.full((2, 3), 257.0))


def test_sums_of_processes_are_added():
    layer = nn.Linear(1, 1, bias=False)
    reduced = []

    def reduce(total):
        reduced.append(total.item())
        total.add_(5)  # what another process found

    losses = (-2 * layer.weight.sum() for _ in range(3))
    seen = []
    passes = running_sums(
        {'w': layer.weight}, losses, doublings=True, reduce=reduce
    )
    for scores in passes:
        already = len(reduced)
        assert scores['w'].item() == scores['w'].item()
        assert len(reduced) == already  # a look-up talks to nobody
        seen.append(scores['w'].item())
    assert seen == [-2 + 5, -4 + 5, -6 + 5]
    assert reduced == [-2, -4, -6]  # the sums themselves were not touched


@pytest.mark.parametrize('batches', [1, 3, 4])
def test_sums_of_processes_are_added_once_if_no_doublings_are_asked_for(
    batches,
):
    layer = nn.Linear(1, 1, bias=False)
    reduced = []
    losses = (-2 * layer.weight.sum() for _ in range(batches))
    (sums,) = running_sums({'w': layer.weight}, losses, reduce=reduced.append)
    assert reduced == [sums['w']]  # in place, without a copy
    assert reduced[0] is sums['w']
    assert (sums.num_batches, sums['w'].item()) == (batches, -2 * batches)


def test_a_weight_that_is_tuned_already_is_refused():
    layer = nn.Linear(2, 2)
    entries = SelectedEntries(layer.weight, torch.tensor([0]))
    losses = iter([layer(torch.ones(1, 2)).sum()])
    with pytest.raises(RuntimeError, match=r'release\(model\)'):
        list(running_sums({'w': layer.weight}, losses))
    assert not entries.is_released


@pytest.mark.parametrize(
    ('batches', 'expected'),
    [(1, [1]), (4, [1, 2, 4]), (5, [1, 2, 4, 5]), (8, [1, 2, 4, 8])],
)
def test_scores_come_at_each_doubling_and_at_the_end(batches, expected):
    layer = nn.Linear(1, 1, bias=False)
    losses = (layer.weight.sum() for _ in range(batches))
    seen = []
    for scores in running_sums({'w': layer.weight}, losses, doublings=True):
        assert scores['w'].item() == scores.num_batches
        seen.append(scores.num_batches)
    assert seen == expected


def test_who_stops_asking_stops_the_pass():
    layer = nn.Linear(1, 1, bias=False)
    asked = []

    def losses():
        for number in range(100):
            asked.append(number)
            yield layer.weight.sum()

    passes = running_sums({'w': layer.weight}, losses(), doublings=True)
    assert next(passes).num_batches == 1
    assert next(passes).num_batches == 2
    passes.close()
    assert asked == [0, 1]
    layer.weight.sum().backward()
    assert layer.weight.grad is not None  # the hook is gone


def test_a_weight_that_takes_no_part_scores_zero():
    used, unused = nn.Linear(2, 2), nn.Linear(2, 2)
    scores = sums_of(
        {'used': used.weight, 'unused': unused.weight},
        iter([used(torch.ones(1, 2)).sum()]),
    )
    assert scores['used'].abs().sum() > 0
    assert scores['unused'].abs().sum() == 0


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_loss_that_is_not_finite_names_the_batch(bad):
    layer = nn.Linear(2, 2)
    good = layer(torch.ones(1, 2)).sum()
    with pytest.raises(ValueError, match=r'finite value.*batch 2'):
        sums_of({'w': layer.weight}, iter([good, good * bad]))
    layer(torch.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None  # the hook went with the error


def test_no_batch_is_an_error():
    with pytest.raises(ValueError, match='at least one batch'):
        sums_of({'w': nn.Linear(2, 2).weight}, iter([]))


def test_scores_pass_through_activation_checkpointing():
    from torch.utils.checkpoint import checkpoint

    layer = nn.Linear(3, 2)
    x = torch.randn(4, 3)
    plain = sums_of({'w': layer.weight}, iter([F.gelu(layer(x)).sum()]))
    for reentrant in (True, False):
        y = checkpoint(
            lambda t: F.gelu(layer(t)),
            x.clone().requires_grad_(),
            use_reentrant=reentrant,
        )
        again = sums_of({'w': layer.weight}, iter([y.sum()]))
        torch.testing.assert_close(again['w'], plain['w'])


@pytest.mark.parametrize('evidence', Evidence)
def test_every_evidence_names_a_batch_that_is_not_finite(evidence):
    layer = nn.Linear(2, 2)
    losses = (layer(torch.full((1, 2), x)).sum() for x in (1.0, torch.nan))
    with pytest.raises(ValueError, match=r'finite value.*batch 2'):
        sums_of({'w': layer.weight}, losses, evidence)
