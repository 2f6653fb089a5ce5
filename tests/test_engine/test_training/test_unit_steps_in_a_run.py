"""Unit steps in runs: frozen bits, averages, resumed runs and deltas."""

import copy

import pytest
import torch
from mmengine.hooks import Hook
from toy_run import WHOLE, moved, other_bits, run, toy_model

from gps_seg.delta import Delta, apply

METHOD = {'type': 'gps', 'k': 2, 'score': 'decrement', 'step': 'unit'}
ADAMW = {'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.1}
FEATURES = {
    'plain': {},
    'accumulation': {'wrapper_options': {'accumulative_counts': 2}},
    'clipping': {'wrapper_options': {'clip_grad': {'max_norm': 0.1}}},
    'ema': {'hooks': [{'type': 'EMAHook', 'momentum': 0.3}]},
    'all': {
        'wrapper': 'AmpPeftOptimWrapper',
        'hooks': [{'type': 'EMAHook', 'momentum': 0.3}],
        'wrapper_options': {
            'accumulative_counts': 2,
            'clip_grad': {'max_norm': 0.1},
        },
    },
}
CHECKPOINTS = {
    'CheckpointHook': {'interval': 3, 'by_epoch': False},
    'DeltaHook': {'interval': 3},
}


def states(runner):
    """Weights of the model and of its average."""
    found = {'model': runner.model.state_dict()}
    for hook in runner.hooks:
        if type(hook).__name__ == 'EMAHook':
            found['average'] = hook.ema_model.module.state_dict()
    return found


@pytest.mark.parametrize('feature', FEATURES)
def test_only_declared_entries_move(tmp_path, feature):
    runner, before = run(
        tmp_path, method=METHOD, optimizer=ADAMW, **FEATURES[feature]
    )
    selection = runner.custom_hook.selection
    for after in states(runner).values():
        changed = moved(before, after)
        for name in dict(toy_model().named_parameters()):
            flat = changed[name].flatten()
            if name in selection:
                chosen = torch.zeros_like(flat)
                chosen[selection[name]] = True
                assert not (flat & ~chosen).any(), name
                assert (flat & chosen).any(), name
            else:
                assert flat.any() == (name in WHOLE), name


class Stop(Hook):
    """Ends a run after three of its iterations, once they are saved."""

    priority = 'LOWEST'

    def after_train_iter(self, runner, batch_idx, *args, **kwargs):
        if batch_idx == 2:
            raise InterruptedError


@pytest.mark.parametrize('kind', CHECKPOINTS)
@pytest.mark.parametrize('feature', ['plain', 'accumulation', 'all'])
def test_a_resumed_run_goes_on_bit_for_bit(tmp_path, feature, kind):
    if kind == 'DeltaHook' and feature == 'all':
        pytest.skip('a delta hook keeps no average')

    def train(folder, seed=0, stop=(), **others):
        options = copy.deepcopy(FEATURES[feature])
        hooks = [{'type': 'SeededStepsHook'}, *options.pop('hooks', [])]
        return run(
            tmp_path / folder,
            model=toy_model(seed),
            method=METHOD,
            optimizer=ADAMW,
            iters=8,
            hooks=[*hooks, *stop],
            checkpoint={'type': kind, **CHECKPOINTS[kind]},
            **options,
            **others,
        )[0]

    straight = train('straight')
    with pytest.raises(InterruptedError):
        train('stopped', stop=[Stop()])
    # A state of weights alone starts from those of the first run.
    seed = 9 if kind == 'CheckpointHook' else 0
    resumed = train('stopped', seed, resume=True)
    expected = states(straight)
    for which, found in states(resumed).items():
        for name, tensor in expected[which].items():
            assert not other_bits(found[name], tensor).any(), (which, name)
    steps = straight.custom_hook.trainable.steps
    assert steps.keys() == {
        'backbone.stem.weight',
        'backbone.attn.in_proj_weight',
        'backbone.attn.out_proj.weight',
        'backbone.fc.weight',
    }
    for name, one in resumed.custom_hook.trainable.steps.items():
        assert one.bias == steps[name].bias == f'{name[:-6]}bias'
        for own, other in zip(one[:3], steps[name][:3], strict=True):
            assert torch.equal(own, other)


class Spy(Hook):
    """The norm that was clipped, and the dense gradients of a copy."""

    priority = 'LOW'

    def before_train(self, runner):
        runner.model.backbone.drop.p = 0.0
        self.twin = copy.deepcopy(runner.model).requires_grad_(True)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.twin(**data_batch, mode='loss')['loss'].backward()

    def after_train_iter(self, runner, *args, **kwargs):
        hub = runner.message_hub
        self.clipped = hub.get_scalar('train/grad_norm').current()


def test_clipping_sees_the_gradients_of_the_coordinates(tmp_path):
    spy = Spy()
    runner, _ = run(
        tmp_path,
        iters=1,
        method=METHOD,
        hooks=[spy],
        wrapper_options={'clip_grad': {'max_norm': 1e9}},
    )
    trainable = runner.custom_hook.trainable
    gradients = {n: p.grad for n, p in spy.twin.named_parameters()}
    squares = sum(gradients[name].square().sum() for name in WHOLE)
    for name, one in trainable.steps.items():
        places = trainable.selected[name].indices
        of_rows = gradients[one.bias][places // gradients[name][0].numel()]
        of_entries = gradients[name].flatten()[places]
        of_values = (of_entries - one.mean * of_rows) / one.scale
        squares += of_values.square().sum()
    assert spy.clipped == pytest.approx(float(squares.sqrt()), rel=1e-4)


def test_the_delta_holds_plain_weights_and_biases(tmp_path):
    runner, _ = run(
        tmp_path,
        method=METHOD,
        optimizer=ADAMW,
        iters=3,
        checkpoint={'type': 'DeltaHook', 'interval': 3},
    )
    model = toy_model()
    apply(model, Delta.load(tmp_path / 'delta.safetensors'))
    trained = runner.model.state_dict()
    for name, parameter in model.named_parameters():
        assert not other_bits(parameter.data, trained[name]).any(), name


def test_random_entries_with_unit_steps_read_data(tmp_path):
    method = METHOD | {'score': 'random'}
    runner, _ = run(tmp_path, iters=1, method=method)
    steps = runner.custom_hook.trainable.steps['backbone.fc.weight']
    assert steps.scale.unique().numel() > 1
    assert (steps.scale > 0).all()
