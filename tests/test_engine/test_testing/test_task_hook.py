"""A delta on a segmentor that MMSegmentation built."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmseg.apis import inference_model, init_model

from gps_seg.delta import Delta, DeltaInfo, apply, extract
from gps_seg.delta.application import applied_delta
from gps_seg.engine import TaskHook, build_base, load_task

INFO = DeltaInfo(
    classes=('background', 'polyp'), palette=((0, 0, 0), (255, 0, 0))
)


@pytest.fixture(scope='module')
def config(repo_dir):
    config = Config.fromfile(repo_dir / 'configs/demo/gps.py')
    config.load_from = str(repo_dir / config.load_from)
    return config


@pytest.fixture(scope='module')
def tuned(config):
    """The base with a few weights moved, among them all of the head's."""
    model = build_base(copy.deepcopy(config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith('decode_head.') or name.endswith('bias'):
                parameter += 0.1
            elif 'qkv.weight' in name:
                parameter[:, 3] *= 2
    return model.eval()


@pytest.fixture
def delta_file(config, tuned, tmp_path):
    base = build_base(copy.deepcopy(config)).state_dict()
    base = {n: t for n, t in base.items() if not n.startswith('decode_head')}
    path = tmp_path / 'delta.safetensors'
    extract(base, tuned.state_dict(), INFO).save(path)
    return path


def test_inference_after_one_line(config, tuned, delta_file):
    model = init_model(copy.deepcopy(config), device='cpu')

    load_task(model, config, delta_file)

    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    result = inference_model(model, image)
    tuned.cfg = model.cfg
    expected = inference_model(tuned, image)
    assert torch.equal(result.seg_logits.data, expected.seg_logits.data)
    assert result.pred_sem_seg.data.shape == (1, 64, 64)
    assert model.dataset_meta['classes'] == ('background', 'polyp')
    assert model.dataset_meta['palette'] == ((0, 0, 0), (255, 0, 0))


def test_a_config_with_other_base_weights(config, delta_file):
    other = copy.deepcopy(config)
    other.load_from = None
    model = init_model(copy.deepcopy(config), device='cpu')
    with pytest.raises(
        ValueError, match='expected the weights that the delta'
    ):
        load_task(model, other, delta_file)


def test_the_error_for_another_model_names_the_classes(delta_file):
    with pytest.raises(ValueError, match='classes are background, polyp'):
        apply(torch.nn.Linear(2, 2), Delta.load(delta_file))


def test_the_config_of_a_delta_is_not_run(config, tuned, tmp_path):
    trace = tmp_path / 'trace'
    info = DeltaInfo(config=f'import os; os.mkdir({str(trace)!r})')
    base = build_base(copy.deepcopy(config)).state_dict()
    path = tmp_path / 'delta.safetensors'
    extract(base, tuned.state_dict(), info).save(path)
    model = init_model(copy.deepcopy(config), device='cpu')

    load_task(model, config, path)

    assert Delta.load(path).info.config == info.config
    assert not trace.exists()


def test_a_runner_gets_the_base_before_the_delta(delta_file, config):
    """Whatever was loaded before, and without a hook that would average."""
    model = build_base(copy.deepcopy(config))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    hook = TaskHook(str(delta_file))
    runner = SimpleNamespace(model=model, cfg=config, hooks=[EMAHook(), hook])

    hook.before_run(runner)
    hook.before_test(runner)

    assert applied_delta(model) is hook.delta
    assert runner._hooks == [hook]
