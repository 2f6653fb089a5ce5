"""What cannot work is told before a data set is opened."""

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import nn
from toy_run import ToyModel

from gps_seg.delta import Delta
from gps_seg.engine.training.ignored_settings import (
    idle_custom_keys,
    ignored_settings,
)
from gps_seg.engine.training.peft_hook import PeftHook
from gps_seg.peft import Linear, tune
from gps_seg.runs import launch
from gps_seg.runs.early_check import check_before_data, check_config
from gps_seg.sparse import Role

KEYS = {'token': {}, 'norm': {}, 'decode_head': {}, 'fc': {}}


@pytest.fixture(autouse=True)
def _toy_model():
    MODELS.register_module(name='Toy', module=ToyModel)
    yield
    MODELS._module_dict.pop('Toy')


def runner_of(tmp_path, method, **keys):
    """A runner whose data is nowhere to be found."""
    config = {
        'model': {'type': 'Toy'},
        'work_dir': str(tmp_path),
        'train_dataloader': {'dataset': {'type': 'NoSuchDataset'}},
        'train_cfg': {'by_epoch': False, 'max_iters': 1},
        'optim_wrapper': {
            'type': 'PeftOptimWrapper',
            'optimizer': {'type': 'SGD', 'lr': 0.1, 'weight_decay': 0.0},
        },
        'custom_hooks': [{'type': 'PeftHook', 'method': method}],
        **keys,
    }
    return launch.build_runner(Config(config))


def test_what_fits_goes_on_to_the_data(tmp_path):
    runner = runner_of(tmp_path, {'type': 'gps', 'k': 8})
    check_before_data(runner)
    with pytest.raises(KeyError, match='NoSuchDataset'):
        runner.train()


def test_more_connections_than_a_neuron_has(tmp_path):
    runner = runner_of(tmp_path, {'type': 'gps', 'k': 9})
    with pytest.raises(ValueError, match='k: expected 1 to 8 .*, got 9'):
        check_before_data(runner)


@pytest.mark.parametrize(
    'method',
    [
        {'type': 'gps', 'k': 1, 'score': 'taste'},
        {'type': 'gps', 'k': 1, 'scope': 'planet'},
        {'type': 'gsp', 'k': 1},
    ],
)
def test_names_that_do_not_exist_do_not_even_make_a_runner(tmp_path, method):
    with pytest.raises(ValueError, match='expected .*(among|one of)'):
        runner_of(tmp_path, method)


def test_an_encoder_without_trainable_weights(tmp_path):
    runner = runner_of(tmp_path, {'type': 'gps', 'k': 1})
    runner.model.backbone.requires_grad_(False)
    with pytest.raises(ValueError, match="connections in 'backbone'"):
        check_before_data(runner)


def test_an_encoder_of_another_name(tmp_path):
    method = {'type': 'gps', 'k': 1, 'encoder': 'neck'}
    with pytest.raises(ValueError, match='neck'):
        check_before_data(runner_of(tmp_path, method))


def test_a_plain_wrapper(tmp_path):
    wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 1}}
    runner = runner_of(
        tmp_path, {'type': 'gps', 'k': 1}, optim_wrapper=wrapper
    )
    with pytest.raises(ValueError, match='optim_wrapper.*got OptimWrapper'):
        check_before_data(runner)


def test_a_run_does_not_begin_with_a_delta(tmp_path):
    path = tmp_path / 'delta.safetensors'
    Delta({}).save(path)
    runner = runner_of(tmp_path, {'type': 'gps', 'k': 1}, load_from=str(path))
    with pytest.raises(ValueError, match='load_from: expected a checkpoint'):
        check_before_data(runner)


def test_a_runner_without_a_peft_hook_is_left_alone(tmp_path):
    wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 1}}
    runner = runner_of(tmp_path, {}, custom_hooks=None, optim_wrapper=wrapper)
    check_before_data(runner)
    assert isinstance(runner.optim_wrapper, dict)


def test_a_wrapper_that_waits_for_a_hook(tmp_path):
    runner = runner_of(tmp_path, {}, custom_hooks=None)
    with pytest.raises(ValueError, match='a PeftHook beside .*got none'):
        check_before_data(runner)


def test_two_hooks(tmp_path):
    hooks = [
        {'type': 'PeftHook', 'method': method}
        for method in ({'type': 'gps', 'k': 1}, {'type': 'bias'})
    ]
    runner = runner_of(tmp_path, {}, custom_hooks=hooks)
    with pytest.raises(ValueError, match="one PeftHook, got .*'gps'.*'bias'"):
        check_before_data(runner)


@pytest.mark.parametrize('name', ['Foo', 'ApexOptimWrapper'])
def test_a_wrapper_that_will_not_do_is_not_even_built(tmp_path, name):
    wrapper = {'type': name, 'optimizer': {'type': 'SGD', 'lr': 1}}
    runner = runner_of(
        tmp_path, {'type': 'gps', 'k': 1}, optim_wrapper=wrapper
    )
    message = f'type: expected PeftOptimWrapper or .*, got {name}'
    with pytest.raises(ValueError, match=message):
        check_before_data(runner)


def test_a_runner_of_another_kind(tmp_path):
    class OtherRunner:
        hooks = (PeftHook({'type': 'gps', 'k': 1}),)
        optim_wrapper = 'anything'

    with pytest.raises(ValueError, match='runner_type: .*got OtherRunner'):
        check_before_data(OtherRunner())


def test_a_file_to_start_from_that_is_not_there(tmp_path):
    runner = runner_of(
        tmp_path, {'type': 'gps', 'k': 1}, load_from='nowhere.pth'
    )
    with pytest.raises(FileNotFoundError, match='load_from: .*nowhere.pth'):
        check_before_data(runner)


def test_a_pipeline_that_cannot_be_built(tmp_path):
    hook = {
        'type': 'PeftHook',
        'method': {'type': 'gps', 'k': 1},
        'pipeline': [{'type': 'NoSuchTransform'}],
    }
    runner = runner_of(tmp_path, {}, custom_hooks=[hook])
    with pytest.raises(KeyError, match='NoSuchTransform'):
        check_before_data(runner)


def test_an_encoder_in_which_nothing_trains_is_told(tmp_path, capsys):
    for method in ({'type': 'bias'}, {'type': 'full'}, {'type': 'linear'}):
        name = method['type']  # runs of one second would share theirs
        runner = runner_of(tmp_path, method, experiment_name=name)
        runner.model.backbone.requires_grad_(False)
        check_before_data(runner)
    told = [
        line
        for line in capsys.readouterr().out.splitlines()
        if "nothing trains in 'backbone'" in line
    ]
    assert len(told) == 2  # linear tuning is just that


def test_a_config_without_a_model():
    with pytest.raises(ValueError, match='model: expected the settings'):
        check_config(Config({'custom_hooks': []}))


def test_keys_without_effect_are_told(tmp_path, capsys):
    wrapper = {
        'type': 'PeftOptimWrapper',
        'optimizer': {'type': 'SGD', 'lr': 0.1, 'weight_decay': 0.1},
        'paramwise_cfg': {'custom_keys': KEYS},
    }
    runner = runner_of(
        tmp_path, {'type': 'gps', 'k': 1}, optim_wrapper=wrapper
    )
    check_before_data(runner)
    (line,) = [
        line
        for line in capsys.readouterr().out.splitlines()
        if 'custom_keys' in line and 'WARNING' in line
    ]
    assert 'custom_keys: token, norm match no trained parameter' in line


def test_the_longest_key_counts():
    """As MMEngine does it: 'decode_head.norm' takes what 'norm' would."""
    names = ['backbone.fc.bias', 'decode_head.norm.weight']
    keys = {'norm': {}, 'decode_head.norm': {}, 'backbone': {}}
    assert idle_custom_keys(keys, names) == ['norm']
    assert idle_custom_keys({}, names) == []


def test_of_many_keys_without_effect_the_first_are_told():
    keys = {f'layer_{number}': {} for number in range(8)}
    wrapper = {'paramwise_cfg': {'custom_keys': keys}}
    (line,) = ignored_settings(Config({'optim_wrapper': wrapper}), ['fc'])
    assert 'layer_3, layer_4 and 3 more match no trained' in line


@pytest.mark.parametrize('gpu', [False, True])
def test_a_loss_scale_on_a_cpu_is_told(monkeypatch, gpu):
    monkeypatch.setattr(
        'gps_seg.engine.training.ignored_settings.has_accelerator', lambda: gpu
    )
    wrapper = {'type': 'AmpPeftOptimWrapper', 'loss_scale': 512.0}
    told = list(ignored_settings(Config({'optim_wrapper': wrapper}), {}))
    assert [text.partition(':')[0] for text in told] == (
        [] if gpu else ['optim_wrapper.loss_scale']
    )


@pytest.mark.parametrize('launcher', ['none', 'pytorch'])
def test_a_setting_of_the_wrapper_for_distribution_is_told(launcher):
    config = Config({'find_unused_parameters': True, 'launcher': launcher})
    told = list(ignored_settings(config, {'fc.weight': Role.WHOLE}))
    assert len(told) == (launcher != 'none')
    assert all(t.startswith('find_unused_parameters: ') for t in told)


def test_the_built_wrapper_is_the_one_that_trains(tmp_path):
    """Built early, it must not be built again, nor own less."""
    runner = runner_of(tmp_path, {'type': 'gps', 'k': 1})
    check_before_data(runner)
    built = runner.optim_wrapper
    assert runner.build_optim_wrapper(runner.optim_wrapper) is built
    owned = {p for g in built.param_groups for p in g['params']}
    assert owned == set(runner.model.parameters())


def test_what_no_rule_is_about_is_reported(tmp_path, capsys):
    runner = runner_of(tmp_path, {'type': 'gps', 'k': 1})
    runner.model.backbone.pair = nn.Bilinear(8, 8, 8)
    check_before_data(runner)
    told = [
        line
        for line in capsys.readouterr().out.splitlines()
        if 'WARNING' in line
    ]
    kinds = [line for line in told if 'Bilinear.weight (backbone.pair' in line]
    assert len(kinds) == 1


def test_a_model_that_an_interrupted_run_left_is_free_again(tmp_path):
    """What it froze is not what the config froze."""
    runner = runner_of(tmp_path, {'type': 'gps', 'k': 1})
    tune(runner.model, Linear(), [], seed=0)
    check_before_data(runner)
    assert all(p.requires_grad for p in runner.model.parameters())


@pytest.mark.parametrize('key', ['max_iters', 'max_epochs'])
def test_a_training_has_a_step(key):
    config = {'model': {'type': 'Toy'}, 'train_cfg': {key: 0}}
    with pytest.raises(ValueError, match=f'{key}: expected 1 or more, got 0'):
        check_config(Config(config))
