"""Recomputed MLPs of other layers, with hooks, and as copies."""

import copy
import pickle

import pytest
import torch
from mlp_blocks import (
    FLOAT,
    HIDDEN,
    TOKENS,
    WIDTH,
    assert_all_equal,
    gradients_of,
    mlp_block,
    only_biases,
    run,
    saved_by,
)
from torch import nn

from gps_seg.benchmark.counters import saved_bytes
from gps_seg.execution import recompute_mlps


@pytest.mark.parametrize('norm', [nn.RMSNorm, nn.Identity])
def test_behind_another_norm_the_input_of_the_first_layer_is_kept(norm):
    model = only_biases(mlp_block(norm=norm))
    leaf = torch.randn(2, 5, WIDTH, requires_grad=True)

    def loss():
        return run(model, leaf * 2).sum()

    before = saved_bytes(loss)
    expected = gradients_of(model, leaf)
    recompute_mlps(model, 'encoder')
    assert before - saved_bytes(loss) >= TOKENS * (HIDDEN - WIDTH) * FLOAT
    assert_all_equal(gradients_of(model, leaf), expected)


@pytest.mark.parametrize(
    'between',
    [
        lambda h: h + 1,
        lambda h: h.mul_(2),
        lambda h: h.transpose(0, 1),
        lambda h: h[:, 2:].repeat(1, 2, 1)[:, :5],
    ],
)
def test_a_changed_hidden_layer_is_kept(between):
    model = mlp_block()
    x = torch.randn(5, 5, 8, requires_grad=True)
    expected = gradients_of(model, x, between=between)
    recompute_mlps(model, 'encoder')
    actual = gradients_of(model, x, between=between)
    assert_all_equal(actual, expected)


def change_output(_module, _args, output):
    return 2 * output


def change_in_place(_module, _args, output):
    return output.mul_(2)


@pytest.mark.parametrize('hook', [change_output, change_in_place])
@pytest.mark.parametrize('place', ['norm2', 'mlp.fc1', 'mlp.act', 'mlp.fc2'])
def test_hooks_have_the_same_effect(place, hook):
    model = mlp_block()
    module = model.get_submodule(f'encoder.0.{place}')
    module.register_forward_hook(hook)
    x = torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)


def test_a_hook_that_comes_later_has_the_same_effect():
    model = mlp_block()
    x = torch.randn(2, 5, 8, requires_grad=True)
    handle = recompute_mlps(model, 'encoder')
    assert handle.recomputed == ['encoder.0']
    fc1 = model['encoder'][0]['mlp']['fc1']
    fc1.register_forward_pre_hook(lambda _m, args: args[0] * 3)
    actual = gradients_of(model, x)
    assert list(handle.left) == ['encoder.0']
    handle.remove()
    assert_all_equal(actual, gradients_of(model, x))


@pytest.mark.parametrize('act', [nn.ReLU, nn.Tanh])
def test_an_activation_that_keeps_its_output_is_left(act):
    handle = recompute_mlps(mlp_block(act), 'encoder')
    assert handle.recomputed == []
    assert 'activation' in handle.left['encoder.0']


@pytest.mark.parametrize('act', [nn.SiLU, nn.Mish, nn.Hardswish])
def test_other_activations_have_the_same_bits(act):
    model, x = mlp_block(act), torch.randn(2, 5, 8, requires_grad=True)
    expected, before = gradients_of(model, x), saved_by(model, x)
    recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)
    spared = TOKENS * (WIDTH + 2 * HIDDEN) * FLOAT  # inputs of three layers
    assert before - saved_by(model, x) == spared


def test_an_activation_in_place_has_the_same_bits():
    model = mlp_block(lambda: nn.SiLU(inplace=True))
    x = torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)


class CountingNorm(nn.Module):
    """A norm whose forward has a side effect."""

    def __init__(self, _width):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x - x.mean(-1, keepdim=True)


def test_a_norm_that_may_have_side_effects_is_called_once():
    model = mlp_block(norm=CountingNorm)
    assert recompute_mlps(model, 'encoder').recomputed == ['encoder.0']
    run(model, torch.randn(2, 5, 8)).sum().backward()
    assert model['encoder'][0]['norm2'].calls == 1


def test_a_deep_copy_recomputes_with_its_own_weights():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')
    twin = copy.deepcopy(model)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    plain = mlp_block()
    plain.load_state_dict(twin.state_dict())
    assert_all_equal(gradients_of(twin, x), gradients_of(plain, x))
    assert saved_by(twin, x) < saved_by(plain, x)


def test_the_model_stays_the_same():
    model = mlp_block()
    kinds = [type(module) for module in model.modules()]
    keys = list(model.state_dict())
    plain = pickle.dumps(model)
    handle = recompute_mlps(model, 'encoder')
    assert [type(module) for module in model.modules()] == kinds
    assert list(model.state_dict()) == keys
    assert b'gps_seg' not in pickle.dumps(model)
    handle.remove()
    assert pickle.dumps(model) == plain


def test_twice_is_as_once():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')  # by a run that was interrupted
    once = saved_by(model, x)
    handle = recompute_mlps(model, 'encoder')
    assert handle.recomputed == ['encoder.0']
    assert saved_by(model, x) == once
    handle.remove()
    assert saved_by(model, x) > once


@pytest.mark.parametrize('place', ['norm2', 'mlp.fc1', 'mlp.act'])
def test_a_module_with_another_forward_keeps_it(place):
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    module = model.get_submodule(f'encoder.0.{place}')
    plain = module.forward
    module.forward = changed = lambda inputs: 2 * plain(inputs)
    expected = gradients_of(model, x)
    handle = recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)
    handle.remove()
    assert module.forward is changed
    assert bool(handle.left) == (place != 'norm2')


def test_an_activation_may_be_shared():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    model['encoder'].append(copy.deepcopy(model['encoder'][0]))
    model['encoder'][1]['mlp']['act'] = model['encoder'][0]['mlp']['act']
    expected = gradients_of(model, x)
    assert len(recompute_mlps(model, 'encoder').recomputed) == 2
    assert_all_equal(gradients_of(model, x), expected)


def test_a_backward_hook_leaves_the_mlp():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    act = model['encoder'][0]['mlp']['act']
    act.register_full_backward_hook(lambda _m, into, _out: (2 * into[0],))
    expected = gradients_of(model, x)
    handle = recompute_mlps(model, 'encoder')
    assert list(handle.left) == ['encoder.0']
    assert_all_equal(gradients_of(model, x), expected)
