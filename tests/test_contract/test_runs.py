"""Every method in a run of MMEngine with all that may disturb it.

Averaged weights, bfloat16, accumulation, clipping and weight decay are on at
once, and the run is interrupted within an accumulation and resumed.
"""

import pytest
import torch
from bits import other_bits
from cases import CASES, pairs
from contract_models import ENCODERS, IMAGE, small_model
from distributed_cases import StopAfter, StoppedError
from toy_run import ToySet, run

from gps_seg.additions import attach, plan_of
from gps_seg.additions.coding import coded
from gps_seg.delta import Delta, apply

AVERAGE = {'type': 'EMAHook', 'momentum': 0.3}


class Images(ToySet):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(24, 3, IMAGE, IMAGE, generator=generator)


def encoder_for(method):
    """The first encoder that a method takes."""
    refused = CASES[method].refuses
    return next(name for name in ENCODERS if name not in refused)


def train(folder, method, hooks=(), **others):
    return run(
        folder,
        model=small_model(encoder_for(method)),
        method={'type': method, **CASES[method].settings},
        dataset=Images(),
        wrapper='AmpPeftOptimWrapper',
        optimizer={'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.1},
        wrapper_options={
            'accumulative_counts': 2,
            'clip_grad': {'max_norm': 0.1},
        },
        hooks=[AVERAGE, {'type': 'SeededStepsHook'}, *hooks],
        checkpoint={'type': 'DeltaHook', 'interval': 3},
        iters=6,
        **others,
    )[0]


def average_of(runner):
    (hook,) = [h for h in runner.hooks if type(h).__name__ == 'EMAHook']
    return hook.ema_model.module


def assert_same_bits(state, expected):
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        assert not other_bits(state[name], tensor).any(), name


def as_computed(model, state):
    """The values that a model computes with; of most, those that it has."""
    few = coded(plan_of(model), state)
    return state | {n: levels[codes] for n, (codes, levels) in few.items()}


def assert_only_declared_moved(runner, state, base):
    trainable = runner.custom_hook.trainable
    selection = runner.custom_hook.selection
    for name, before in base.items():
        frozen = torch.full(before.shape, name not in trainable.whole)
        if name in selection:
            frozen.view(-1)[selection[name]] = False
        assert not (other_bits(before, state[name]) & frozen).any(), name


def assert_all_that_trains_moved(runner, state):
    start = small_model(encoder_for(runner.custom_hook.config['type']))
    attach(start, runner.custom_hook.trainable.added, runner.seed)
    before, after = start.state_dict(), runner.model.state_dict()
    for name in runner.custom_hook.trainable.names.values():
        if other_bits(before[name], after[name]).any():
            assert other_bits(before[name], state[name]).any(), name


@pytest.mark.usefixtures('no_pictures')
@pytest.mark.parametrize(
    'method', dict.fromkeys(method for method, _ in pairs())
)
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(
    tmp_path, method
):
    straight = train(tmp_path / 'straight', method)
    with pytest.raises(StoppedError):
        train(tmp_path / 'stopped', method, hooks=[StopAfter(3)])
    resumed = train(tmp_path / 'stopped', method, resume=True)
    base = small_model(encoder_for(method)).state_dict()
    for get, file in (
        (lambda runner: runner.model, 'delta.safetensors'),
        (average_of, 'ema_delta.safetensors'),
    ):
        expected, found = get(straight).state_dict(), get(resumed).state_dict()
        assert_same_bits(found, expected)
        assert_only_declared_moved(resumed, found, base)
        assert_all_that_trains_moved(resumed, found)
        model = small_model(encoder_for(method))
        apply(model, Delta.load(tmp_path / 'stopped' / file))
        assert_same_bits(model.state_dict(), as_computed(model, expected))
