"""A model in half precision: what its weights have no room for is kept."""

import pytest
import torch
from mmengine.hooks import Hook
from toy_run import ToyModel, other_bits, run, toy_model


class HalfModel(ToyModel):
    def forward(self, x, y, mode='tensor'):
        return super().forward(x.bfloat16(), y, mode)


def half_model(seed=0):
    model = HalfModel()
    model.load_state_dict(toy_model(seed).state_dict())
    return model.bfloat16()


def train(folder, checkpoint, iters, hooks=(), **others):
    return run(
        folder,
        model=half_model(),
        hooks=[{'type': 'SeededStepsHook'}, *hooks],
        optimizer={'type': 'AdamW', 'lr': 1e-4},
        checkpoint=checkpoint,
        iters=iters,
        **others,
    )[0]


def values(runner):
    """The selected values, in the precision that they train in."""
    selected = runner.custom_hook.trainable.selected
    return {n: e.values.detach().clone() for n, e in selected.items()}


CHECKPOINTS = {
    'CheckpointHook': {'interval': 3, 'by_epoch': False},
    'DeltaHook': {'interval': 3},
}


@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_a_resumed_run_goes_on_with_the_values_in_float32(tmp_path, kind):
    checkpoint = {'type': kind, **CHECKPOINTS[kind]}
    straight = train(tmp_path / 'straight', checkpoint, iters=6)
    train(tmp_path / 'stopped', checkpoint, iters=3)
    resumed = train(tmp_path / 'stopped', checkpoint, iters=6, resume=True)
    expected, found = values(straight), values(resumed)
    for name, tensor in expected.items():
        assert tensor.dtype == torch.float32
        assert not other_bits(found[name], tensor).any(), name
        rounded = tensor.bfloat16().float()
        assert other_bits(rounded, tensor).any(), name


class Pop(Hook):
    """Takes the values out of what is saved."""

    priority = 'LOW'

    def before_save_checkpoint(self, runner, checkpoint):
        self.values = checkpoint['gps_seg'].pop('values')


def test_a_state_without_these_values_goes_on_from_the_weights(tmp_path):
    """As those of earlier versions are."""
    checkpoint = {'type': 'CheckpointHook', 'interval': 3, 'by_epoch': False}
    first = train(tmp_path, checkpoint, iters=3, hooks=[Pop()])
    resumed = train(tmp_path, checkpoint, iters=3, resume=True)
    for name, tensor in values(first).items():
        found = values(resumed)[name]
        assert torch.equal(found, tensor.bfloat16().float()), name


def test_single_precision_keeps_no_value_twice(tmp_path):
    pop = Pop()
    run(tmp_path, iters=3, hooks=[pop])
    assert pop.values == {}
