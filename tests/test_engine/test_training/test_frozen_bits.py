"""Promise: an entry that was not declared has the same bits after training.

Every optimizer meets every feature that is known to move frozen weights.
"""

import copy

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from torch.utils.data import DataLoader
from toy_run import WHOLE, ToyModel, ToySet, moved, run, toy_model

OPTIMIZERS = {
    'momentum': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9},
    'adam': {'type': 'Adam', 'lr': 0.01},
    'adamw': {'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.1},
}
EMA = {'type': 'EMAHook', 'momentum': 0.3}
FEATURES = {
    'plain': {},
    'accumulation': {'wrapper_options': {'accumulative_counts': 2}},
    'clipping': {'wrapper_options': {'clip_grad': {'max_norm': 0.1}}},
    'ema': {'hooks': [EMA]},
    'bf16': {'wrapper': 'AmpPeftOptimWrapper'},
    'paramwise': {
        'wrapper_options': {
            'paramwise_cfg': {'custom_keys': {'backbone': {'lr_mult': 0.5}}}
        }
    },
    'all': {
        'wrapper': 'AmpPeftOptimWrapper',
        'hooks': [EMA],
        'wrapper_options': {
            'accumulative_counts': 2,
            'clip_grad': {'max_norm': 0.1},
        },
    },
}


def check(before, after, selection):
    """Only declared entries moved, and of every declared tensor some did."""
    assert selection.num_selected == 2 * (8 + 24 + 8 + 8)
    changed = moved(before, after)
    for name in dict(toy_model().named_parameters()):
        flat = changed[name].flatten()
        if name in selection:
            allowed = torch.zeros_like(flat)
            allowed[selection[name]] = True
            assert not (flat & ~allowed).any(), name
            assert (flat & allowed).any(), name
        elif name in WHOLE:
            assert flat.any(), name
        else:
            assert not flat.any(), name


def test_the_comparison_is_one_of_bits():
    nan = float('nan')
    before = {'w': torch.tensor([[0.0, -0.0], [nan, 1.0]])}
    after = {'w': torch.tensor([[-0.0, -0.0], [nan, 1.0 + 2**-23]])}
    assert moved(before, after)['w'].tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize('feature', FEATURES)
@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_only_declared_entries_move(tmp_path, optimizer, feature):
    runner, before = run(
        tmp_path, optimizer=OPTIMIZERS[optimizer], **FEATURES[feature]
    )
    selection = runner.custom_hook.selection
    check(before, runner.model.state_dict(), selection)
    for hook in runner.hooks:
        if type(hook).__name__ == 'EMAHook':
            check(before, hook.ema_model.module.state_dict(), selection)


@pytest.mark.parametrize('feature', FEATURES)
@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_only_declared_entries_move_after_a_resume(
    tmp_path, optimizer, feature
):
    options = {'optimizer': OPTIMIZERS[optimizer], **FEATURES[feature]}
    first, before = run(tmp_path, iters=3, **options)
    second, _ = run(
        tmp_path, model=toy_model(seed=9), iters=6, resume=True, **options
    )
    assert second.iter == 6
    selection = second.custom_hook.selection
    assert selection.hash == first.custom_hook.selection.hash
    check(before, second.model.state_dict(), selection)


class Metric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'count': len(results)}


class Watch(Hook):
    """The weights that are validated, and those that are saved."""

    priority = 'LOW'  # after EMAHook has put its weights in

    def before_val_epoch(self, runner):
        self.validated = copy.deepcopy(runner.model.state_dict())

    def before_save_checkpoint(self, runner, checkpoint):
        self.saved = copy.deepcopy(checkpoint)


class Predicting(ToyModel):
    def forward(self, x, y, mode='tensor'):
        output = super().forward(x, y, mode)
        return [{'logits': output}] if mode == 'predict' else output


def with_negative_zeros():
    """Every third entry of the encoder's tensors is a negative zero."""
    model = Predicting()
    model.load_state_dict(toy_model().state_dict())
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.view(-1)[1::3] = -0.0
    return model


@pytest.mark.parametrize(
    'average',
    [
        'ExponentialMovingAverage',
        'MomentumAnnealingEMA',
        'StochasticWeightAverage',
    ],
)
def test_negative_zeros_survive_an_average(tmp_path, average):
    """An average of -0.0 and -0.0 by differences is 0.0."""
    watch = Watch()
    ema = {'type': 'EMAHook', 'ema_type': average}
    data = ToySet(4)
    runner, before = run(
        tmp_path,
        model=with_negative_zeros(),
        hooks=[ema, watch],
        checkpoint={
            'type': 'CheckpointHook',
            'interval': 6,
            'by_epoch': False,
        },
        train_cfg={'val_interval': 6},
        val_dataloader=DataLoader(data, batch_size=4),
        val_cfg={},
        val_evaluator=[Metric()],
    )
    (average,) = [h for h in runner.hooks if type(h).__name__ == 'EMAHook']
    swapped = {
        name.removeprefix('module.'): tensor
        for name, tensor in watch.saved['ema_state_dict'].items()
    }
    states = {
        'the model': runner.model.state_dict(),
        'the average': average.ema_model.module.state_dict(),
        'what is validated': watch.validated,
        'the file': watch.saved['state_dict'],
        'the file, swapped': swapped,
    }
    selection = runner.custom_hook.selection
    for where, state in states.items():
        changed = moved(before, state)
        for name, parameter in runner.model.named_parameters():
            frozen = torch.ones(parameter.numel(), dtype=torch.bool)
            if name in selection:
                frozen[selection[name]] = False
            elif name in WHOLE:
                continue
            assert not changed[name].flatten()[frozen].any(), (where, name)
