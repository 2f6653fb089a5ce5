"""Promise: an entry that was not declared has the same bits after training.

Every optimizer meets every feature that is known to move frozen weights.
"""

import pytest
import torch
from toy_run import WHOLE, moved, run, toy_model

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
