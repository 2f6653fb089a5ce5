"""One kernel steps all trained tensors, if the config leaves it open."""

import pytest
import torch
from torch import nn
from toy_run import run

from gps_seg.engine.training.optimizer_targets import prefer_fused


def fused_after(optimizer):
    prefer_fused(optimizer)
    return [group.get('fused') for group in optimizer.param_groups]


def parameters(dtype=torch.float32):
    return [nn.Parameter(torch.ones(3, dtype=dtype)) for _ in range(2)]


@pytest.mark.parametrize(
    'kind', [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD]
)
def test_an_open_choice_is_fused(kind):
    assert fused_after(kind(parameters(), lr=0.1)) == [True]


@pytest.mark.parametrize(
    'choice',
    [
        {'fused': False},
        {'foreach': True},
        {'foreach': False},
        {'capturable': True},
        {'differentiable': True},
    ],
)
def test_a_choice_of_the_user_stays(choice):
    optimizer = torch.optim.AdamW(parameters(), **choice)
    before = [group['fused'] for group in optimizer.param_groups]
    assert fused_after(optimizer) == before


def test_an_optimizer_without_the_kernel_stays():
    assert fused_after(torch.optim.RMSprop(parameters())) == [None]


def test_an_optimizer_whose_state_is_ready_stays():
    """The constructor of Adagrad makes it, for the plain loop."""
    optimizer = torch.optim.Adagrad(parameters())
    assert 'fused' in optimizer.param_groups[0]
    assert fused_after(optimizer) == [None]


def test_complex_values_stay():
    values = parameters(torch.complex64)
    assert fused_after(torch.optim.AdamW(values)) == [None]


def test_each_group_is_decided_alone():
    first, second = parameters()
    groups = [{'params': [first]}, {'params': [second], 'foreach': True}]
    assert fused_after(torch.optim.AdamW(groups)) == [True, None]


def test_a_run_takes_the_steps_of_the_plain_loop(tmp_path):
    def weights(name, **choice):
        # The gradient of a key's bias is 0 but for rounding, which Adam would
        # scale up to whole steps.
        optimizer = {'type': 'AdamW', 'lr': 1e-2, 'eps': 1e-3, **choice}
        runner, _ = run(tmp_path / name, optimizer=optimizer)
        groups = runner.optim_wrapper.optimizer.param_groups
        return groups[0]['fused'], runner.model.state_dict()

    (fused, ours), (plain, theirs) = weights('a'), weights('b', fused=False)
    assert (fused, plain) == (True, False)
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=1e-4, atol=1e-5)
