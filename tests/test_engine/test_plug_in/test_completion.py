"""Complete a plain config so that it trains with a PeftHook."""

import copy

import pytest
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import HOOKS, OPTIM_WRAPPERS, DefaultScope

from gps_seg.engine import PeftHook
from gps_seg.engine.plug_in.completion import plug_in
from gps_seg.engine.saving.delta_hook import DeltaHook

PEFT_HOOK = {'type': 'PeftHook', 'method': {'type': 'gps', 'k': 1}}
WRAPPER = {
    'optimizer': {'type': 'AdamW', 'lr': 1e-3},
    'paramwise_cfg': {'num_layers': 12, 'decay_rate': 0.9},
    'constructor': 'LearningRateDecayOptimizerConstructor',
    'clip_grad': {'max_norm': 1.0},
    'accumulative_counts': 4,
    'loss_scale': 'dynamic',
    'dtype': 'bfloat16',
}


def config(**keys):
    return Config(
        copy.deepcopy(
            {
                'model': {'type': 'EncoderDecoder'},
                'optim_wrapper': {'type': 'OptimWrapper', **WRAPPER},
                'custom_hooks': [PEFT_HOOK],
                'default_hooks': {
                    'timer': {'type': 'IterTimerHook'},
                    'checkpoint': {'type': 'CheckpointHook', 'interval': 5},
                },
                **keys,
            }
        )
    )


def checkpoint_of(**settings):
    """Settings after the plug-in of a CheckpointHook with these."""
    hooks = {'checkpoint': {'type': 'CheckpointHook', **settings}}
    cfg = config(default_hooks=hooks, train_cfg={'max_iters': 70})
    plug_in(cfg)
    return cfg.default_hooks.checkpoint.to_dict()


@pytest.mark.parametrize(
    ('wrapper', 'sibling'),
    [
        ('OptimWrapper', 'PeftOptimWrapper'),
        ('mmengine.OptimWrapper', 'PeftOptimWrapper'),
        (OptimWrapper, 'PeftOptimWrapper'),
        ('AmpOptimWrapper', 'AmpPeftOptimWrapper'),
        (AmpOptimWrapper, 'AmpPeftOptimWrapper'),
        ('PeftOptimWrapper', 'PeftOptimWrapper'),
        ('AmpPeftOptimWrapper', 'AmpPeftOptimWrapper'),
    ],
)
def test_the_wrapper_is_replaced_by_its_sibling_and_keeps_all_else(
    wrapper, sibling
):
    cfg = config(optim_wrapper={'type': wrapper, **WRAPPER})
    plug_in(cfg)
    settings = cfg.optim_wrapper.to_dict()
    assert OPTIM_WRAPPERS.get(settings.pop('type')).__name__ == sibling
    assert settings == WRAPPER


def test_a_wrapper_without_a_type_is_the_plain_one():
    cfg = config(optim_wrapper={'optimizer': {'type': 'SGD'}})
    plug_in(cfg)
    assert cfg.optim_wrapper.type == 'PeftOptimWrapper'


@pytest.mark.parametrize('kind', ['ApexOptimWrapper', 'OptimWrapperDict'])
def test_a_wrapper_without_a_sibling_is_named(kind):
    message = (
        r"^optim_wrapper.type: expected one of \['OptimWrapper', "
        rf"'AmpOptimWrapper'\] for a PeftHook, got '{kind}'"
    )
    with pytest.raises(ValueError, match=message):
        plug_in(config(optim_wrapper={'type': kind}))


def test_a_config_without_a_wrapper():
    with pytest.raises(ValueError, match='optim_wrapper: expected the sett'):
        plug_in(config(optim_wrapper=None))


@pytest.mark.parametrize('hooks', [None, [], [PEFT_HOOK, PEFT_HOOK]])
def test_there_must_be_one_peft_hook(hooks):
    with pytest.raises(ValueError, match='custom_hooks: expected one PeftH'):
        plug_in(config(custom_hooks=hooks))


@pytest.mark.parametrize(
    'kind', ['PeftHook', 'mmengine.PeftHook', PeftHook], ids=str
)
def test_a_peft_hook_is_known_however_it_is_named(kind):
    cfg = config(
        custom_hooks=[{'type': 'EMAHook'}, PEFT_HOOK | {'type': kind}]
    )
    plug_in(cfg)
    assert cfg.optim_wrapper.type == 'PeftOptimWrapper'


def test_another_runner_is_named():
    with pytest.raises(ValueError, match="runner_type.*got 'FlexibleRunner'"):
        plug_in(config(runner_type='FlexibleRunner'))


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        (None, ['gps_seg.engine']),
        ('mmpretrain.models', ['mmpretrain.models', 'gps_seg.engine']),
        (['a', 'gps_seg.engine'], ['a', 'gps_seg.engine']),
    ],
)
def test_the_import_is_added_to_those_that_there_are(before, after):
    keys = {'custom_imports': {'imports': before}} if before else {}
    cfg = config(**keys)
    plug_in(cfg)
    assert cfg.custom_imports.imports == after


def test_nothing_else_is_touched():
    cfg = config(param_scheduler=[{'type': 'PolyLR'}], load_from='x.pth')
    before = copy.deepcopy(cfg).to_dict()
    plug_in(cfg)
    changed = {k for k, v in cfg.to_dict().items() if before.get(k) != v}
    assert changed == {'optim_wrapper', 'default_hooks', 'custom_imports'}
    assert cfg.default_hooks.timer.type == 'IterTimerHook'


@pytest.mark.parametrize(
    ('given', 'settings'),
    [
        ({'interval': 16000, 'by_epoch': False}, (16000, False, None)),
        ({'interval': 2}, (2, True, None)),
        ({'interval': -1, 'by_epoch': False}, (70, False, None)),
        ({}, (70, True, None)),
        ({'interval': 2, 'save_best': 'mIoU'}, (2, True, ('mIoU', 'greater'))),
        (
            {'interval': 2, 'save_best': 'loss'},
            (2, True, ('loss', 'less')),
        ),
        (
            {'interval': 2, 'save_best': 'x', 'rule': 'less'},
            (2, True, ('x', 'less')),
        ),
    ],
)
def test_deltas_are_written_when_checkpoints_were(given, settings):
    interval, by_epoch, best = settings
    result = checkpoint_of(**given)
    hook = HOOKS.build(copy.deepcopy(result))
    assert isinstance(hook, DeltaHook)
    assert (hook.interval, hook.by_epoch) == (interval, by_epoch)
    assert hook.save_best == (best and best[0])
    assert result.get('rule') == (best and best[1])


@pytest.mark.parametrize(
    ('given', 'named'),
    [
        ({'max_keep_ckpts': 3, 'out_dir': 'x'}, ['max_keep_ckpts', 'out_dir']),
        ({'save_best': 'auto'}, ["save_best='auto' (name the metric)"]),
        ({'save_best': ['mIoU', 'aAcc']}, ["save_best 'aAcc'"]),
    ],
)
def test_a_warning_names_what_a_delta_hook_does_not_have(capsys, given, named):
    result = checkpoint_of(interval=1, **given)
    assert set(result) <= {'type', 'interval', 'by_epoch', 'save_best', 'rule'}
    output = capsys.readouterr().out
    assert 'WARNING' in output
    assert 'default_hooks.checkpoint' in output
    assert f'which it does not have: {", ".join(named)}.' in output


def test_there_is_no_warning_if_nothing_is_ignored(capsys):
    checkpoint_of(interval=1, save_best='mIoU', rule='greater')
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    'checkpoint',
    [None, {'type': 'DeltaHook', 'interval': 3}, {'type': 'MyHook'}],
)
def test_any_other_checkpoint_hook_stays(checkpoint):
    cfg = config(default_hooks={'checkpoint': checkpoint})
    plug_in(cfg)
    assert cfg.default_hooks.checkpoint == checkpoint


def test_a_config_that_says_nothing_of_checkpoints():
    """MMEngine would write one in every epoch."""
    cfg = config(default_hooks=None)
    plug_in(cfg)
    assert cfg.default_hooks.checkpoint == {
        'type': 'DeltaHook',
        'interval': 1,
        'by_epoch': True,
    }


@pytest.mark.parametrize('scope', ['mmseg', 'mmpretrain'])
def test_either_scope_finds_what_the_config_names(scope):
    cfg = config()
    plug_in(cfg)
    with DefaultScope.overwrite_default_scope(scope):
        hook = HOOKS.build(copy.deepcopy(cfg.custom_hooks[0]))
        assert isinstance(hook, PeftHook)
        deltas = HOOKS.build(copy.deepcopy(cfg.default_hooks.checkpoint))
        assert isinstance(deltas, DeltaHook)
        assert OPTIM_WRAPPERS.get(cfg.optim_wrapper.type) is not None
