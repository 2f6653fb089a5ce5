"""``--method gps --k 1`` on configs of all sorts."""

import copy
import re

import pytest
from mmengine.config import Config

from gps_seg.engine.config.source import config_folder
from gps_seg.runs.method_options import check_hooks, set_method

GPS = {'type': 'PeftHook', 'method': {'type': 'gps', 'k': 1}, 'max_batches': 4}


def config(*hooks, **keys):
    wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 1}}
    return Config(
        copy.deepcopy(
            {
                'optim_wrapper': wrapper,
                'custom_hooks': list(hooks),
                **keys,
            }
        )
    )


def test_nothing_asked_nothing_done():
    cfg = config()
    set_method(cfg, None, {})
    assert cfg.to_dict() == config().to_dict()


def test_a_plain_config_gets_a_hook_beside_its_own():
    cfg = config({'type': 'EMAHook', 'momentum': 0.01})
    set_method(cfg, 'gps', {'method.k': 2})
    assert cfg.custom_hooks == [
        {'type': 'EMAHook', 'momentum': 0.01},
        {'type': 'PeftHook', 'method': {'type': 'gps', 'k': 2}},
    ]
    assert cfg.optim_wrapper.type == 'PeftOptimWrapper'


def test_a_config_without_a_list_of_hooks():
    cfg = config(custom_hooks=None)
    set_method(cfg, 'bias', {})
    assert [hook.method.type for hook in cfg.custom_hooks] == ['bias']


def test_settings_alone_change_those_of_the_config():
    cfg = config(GPS)
    set_method(
        cfg,
        None,
        {'method.k': 5, 'method.scope': 'layer', 'loss.type': 'task'},
    )
    assert cfg.custom_hooks[0] == {
        **GPS,
        'method': {'type': 'gps', 'k': 5, 'scope': 'layer'},
        'loss': {'type': 'task'},
    }
    assert cfg.optim_wrapper.type == 'OptimWrapper'  # is the config's business


def test_the_method_of_a_config_can_be_changed():
    bias = {'type': 'PeftHook', 'method': {'type': 'bias', 'encoder': 'net'}}
    cfg = config(bias)
    set_method(cfg, 'gps', {'method.k': 3})
    assert cfg.custom_hooks[0].method == {
        'type': 'gps',
        'encoder': 'net',
        'k': 3,
    }


def test_what_only_the_method_of_the_config_has_is_left_out(capsys):
    cfg = config(GPS | {'method': {'type': 'gps', 'k': 1, 'encoder': 'net'}})
    set_method(cfg, 'bias', {})
    assert cfg.custom_hooks[0].method == {'type': 'bias', 'encoder': 'net'}


@pytest.mark.parametrize('method', [{}, {'type': 'gsp'}])
def test_a_config_that_names_no_method_of_ours(method):
    cfg = config({'type': 'PeftHook', 'method': method})
    set_method(cfg, 'bias', {})
    assert cfg.custom_hooks[0].method == {'type': 'bias'}


def test_a_slip_in_the_config_is_not_left_out():
    cfg = config({'type': 'PeftHook', 'method': {'type': 'gps', 'kk': 1}})
    with pytest.raises(ValueError, match=r"got \['kk'\]"):
        set_method(cfg, 'bias', {})


@pytest.mark.parametrize('options', [{}, {'method.k': 2}])
def test_a_method_that_is_no_dict(options):
    cfg = config({'type': 'PeftHook', 'method': 'gps'})
    with pytest.raises(ValueError, match="method=dict.*, got 'gps'"):
        set_method(cfg, 'bias', options)


@pytest.mark.parametrize(
    ('hooks', 'message'),
    [
        ({'custom_hooks': [GPS | {'max_batch': 3}]}, r"\['max_batch'\]"),
        ({'custom_hooks': [{'type': 'PeftHook'}]}, r"value for \['method'\]"),
        (
            {'custom_hooks': [{'type': 'PeftHook', 'method': 'gps'}]},
            "method: expected dict.*got 'gps'",
        ),
        (
            {'custom_hooks': [GPS | {'loss': 'contrastive'}]},
            "loss: expected dict.*got 'contrastive'",
        ),
        (
            {
                'default_hooks': {
                    'checkpoint': {'type': 'DeltaHook', 'max_keep_ckpts': 3}
                }
            },
            r"default_hooks.checkpoint DeltaHook: .*\['max_keep_ckpts'\]",
        ),
        (
            {'custom_hooks': [{'type': 'mmengine.ReportHook', 'number': 3}]},
            r"custom_hooks ReportHook: .*\['number'\]",
        ),
    ],
)
def test_slips_in_the_hooks_of_a_config(hooks, message):
    with pytest.raises(ValueError, match=message):
        check_hooks(config(**hooks))


def test_hooks_that_are_right_and_those_of_others():
    check_hooks(
        config(
            default_hooks={
                'checkpoint': {'type': 'DeltaHook', 'interval': 3},
                'timer': {'type': 'IterTimerHook', 'anything': 1},
                'nothing': None,
            },
            custom_hooks=[GPS | {'priority': 40}, {'type': 'EMAHook'}],
        )
    )


@pytest.mark.parametrize(
    ('hooks', 'name', 'settings', 'message'),
    [
        ([], None, {'method.k': 1}, '--k: expected a config with a PeftHook'),
        ([], None, {'max_batches': 1}, '--peft-options: expected a config'),
        ([], 'gps', {}, 'expected exactly one of k, share, count'),
        ([], 'gps', {'method.k': 0}, 'k: expected'),
        ([], 'gps', {'method.k': 1, 'method.score': 'taste'}, "got 'taste'"),
        ([], 'gps', {'method.k': 1, 'method.colour': 'red'}, "got ['colour']"),
        (
            [],
            'bias',
            {'method.k': 1},
            "expected keys among ['encoder', 'rules'], got ['k']",
        ),
        ([], 'gps', {'method.k': 1, 'batches': 3}, "got ['batches']"),
        (
            [],
            'gps',
            {'method.k': 1, 'max_batches': 0},
            'max_batches: expected max_batches >= 1, got 0',
        ),
        ([], 'gps', {'method.k': 1, 'loss.type': 'x'}, "'task'], got 'x'"),
        ([GPS, GPS], 'gps', {}, 'expected one PeftHook, got 2'),
    ],
)
def test_what_does_not_fit(hooks, name, settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        set_method(config(*hooks), name, settings)


def test_a_config_that_inherits_the_second_base_is_left_to_its_runner():
    cfg = config(GPS, runner_type='PeftRunner')
    set_method(cfg, 'gps', {'method.k': 2})
    assert cfg.runner_type == 'PeftRunner'
    assert cfg.custom_hooks[0].method.k == 2
    assert cfg.optim_wrapper.type == 'OptimWrapper'


def is_excused(content):
    """A config that does not train, or not by MMEngine's runner."""
    return 'optim_wrapper' not in content or 'runner_type' in content


@pytest.mark.slow
@pytest.mark.parametrize('package', ['mmseg', 'mmpretrain'])
def test_every_config_of_the_zoo_takes_a_method_and_keeps_the_rest(package):
    """All that can be read; some inherit what is not installed."""
    taken = 0
    for path in sorted(config_folder(package).rglob('*.py')):
        if '_base_' in path.parts:
            continue
        try:
            cfg = Config.fromfile(path, import_custom_modules=False)
        except (KeyError, ModuleNotFoundError, RuntimeError):
            continue
        before = copy.deepcopy(cfg).to_dict()
        if is_excused(before):
            with pytest.raises(ValueError, match='optim_wrapper|runner_type'):
                set_method(cfg, 'gps', {'method.k': 1})
            continue
        set_method(cfg, 'gps', {'method.k': 1})
        after = cfg.to_dict()
        assert {k for k, v in after.items() if before.get(k) != v} == {
            'custom_hooks',
            'custom_imports',
            'default_hooks',
            'optim_wrapper',
        }
        for wrapper in (before['optim_wrapper'], after['optim_wrapper']):
            wrapper.pop('type', None)
        assert before['optim_wrapper'] == after['optim_wrapper']
        taken += 1
    assert taken > 400  # the others have no training, or cannot be read
