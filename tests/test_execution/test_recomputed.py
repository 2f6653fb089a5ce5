"""Recomputed MLPs: the same bits, for less memory."""

from types import SimpleNamespace

import pytest
import torch
from small_encoders import SIDE, small_task
from torch.utils.checkpoint import checkpoint

from gps_seg.additions import Added, Place, Plan, attach
from gps_seg.benchmark.counters import saved_bytes
from gps_seg.execution import recompute_mlps
from gps_seg.peft import METHODS, build_method, tune

BLOCKS = {
    'vit': 2,
    'mmpretrain vit': 2,
    'swin': 3,
    'beit': 2,
    'mmpretrain convnext': 3,
    'mmpretrain swin v2': 3,
}


METHOD_CONFIGS = {
    'gps': dict(type='gps', k=1),
    'bias': dict(type='bias'),
    'full': dict(type='full'),
    'lora': dict(type='lora', rank=2, on=['q', 'v']),
}


DTYPES = {
    'float32': (torch.float32, False),
    'float64': (torch.float64, False),
    'bf16 autocast': (torch.float32, True),
}


def tuned_task(name, method='gps', dtype=torch.float32, autocast=False):
    """A model that a method tunes, and its loss."""
    model = small_task(name).model.to(dtype)
    images = torch.randn(2, 3, SIDE, SIDE, dtype=dtype)

    def loss():
        torch.manual_seed(0)  # the same dropout each time
        with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
            *earlier, last = model['backbone'](images)
            terms = [*earlier, model['head'](last)]
        return sum(term.float().square().mean() for term in terms)

    built = build_method(METHOD_CONFIGS[method], METHODS)
    trainable = tune(model, built, [loss], seed=0)
    return SimpleNamespace(model=model, loss=loss, trainable=trainable)


def step(task, losses=1):
    """Loss and gradients of a step that sums several forward passes."""
    with task.trainable.compressing():
        loss = sum(task.loss() for _ in range(losses))
        loss.backward()
    gradients = []
    for name, parameter in task.trainable.named_parameters():
        gradients.append((name, parameter.grad))
        parameter.grad = None
    return loss, gradients


def assert_same_bits(actual, expected):
    assert torch.equal(actual[0], expected[0])
    for (name, one), (other, two) in zip(actual[1], expected[1], strict=True):
        assert name == other
        assert (one is None and two is None) or torch.equal(one, two), name


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('method', METHOD_CONFIGS)
@pytest.mark.parametrize('name', BLOCKS)
def test_losses_and_gradients_have_the_same_bits(name, method, dtype):
    if method == 'lora' and name == 'mmpretrain convnext':
        pytest.skip('it has no attention')
    task = tuned_task(name, method, *DTYPES[dtype])
    expected = step(task)
    handle = recompute_mlps(task.model, 'backbone')
    assert len(handle.recomputed) == BLOCKS[name]
    assert_same_bits(step(task), expected)


@pytest.fixture
def task():
    return tuned_task('vit')


def blocks_with(task, reentrant):
    """Run the blocks under activation checkpointing."""
    for layer in task.model['backbone'].layers:
        plain = layer.forward

        def checkpointed(x, plain=plain):
            return checkpoint(plain, x, use_reentrant=reentrant)

        layer.forward = checkpointed


@pytest.mark.parametrize('reentrant', [True, False])
def test_checkpointed_blocks_have_the_same_bits(task, reentrant):
    expected = step(task)
    blocks_with(task, reentrant)
    checkpointed = step(task)
    recompute_mlps(task.model, 'backbone')
    assert_same_bits(step(task), checkpointed)
    if not reentrant:
        assert_same_bits(checkpointed, expected)


def test_what_a_checkpoint_frees_is_not_kept(task):
    blocks_with(task, reentrant=False)
    checkpointed = saved_bytes(task.loss)
    recompute_mlps(task.model, 'backbone')
    assert saved_bytes(task.loss) == checkpointed


def test_several_forward_passes_before_one_backward_pass(task):
    expected = step(task, losses=3)
    recompute_mlps(task.model, 'backbone')
    assert_same_bits(step(task, losses=3), expected)


def test_a_layer_with_an_addition_is_left(task):
    name = 'backbone.layers.0.ffn.layers.0.0.weight'
    plan = Plan(
        [
            Added(
                'low_rank',
                Place(name),
                {'rank': 2, 'scale': 1.0, 'dropout': 0.0},
            )
        ]
    )
    attach(task.model, plan, seed=0)
    for parameter in task.model.parameters():
        parameter.requires_grad_(True)
        parameter.data += 0.1
    expected = step(task)
    handle = recompute_mlps(task.model, 'backbone')
    assert list(handle.left) == ['backbone.layers.0']
    assert 'additions' in handle.left['backbone.layers.0']
    assert handle.recomputed == ['backbone.layers.1']
    assert_same_bits(step(task), expected)


@pytest.mark.parametrize(
    'name', ['mit', 'mmpretrain convnext of convolutions']
)
def test_an_mlp_of_convolutions_is_left(name):
    handle = recompute_mlps(small_task(name).model, 'backbone')
    assert handle.recomputed == []
    assert set(handle.left.values()) == {'no linear layers'}
