"""Models whose method added modules: built, tested and switched."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from added_tasks import delta_by_adding
from mmengine.runner import load_state_dict
from mmseg.apis import inference_model, init_model

from gps_seg.additions import plan_of
from gps_seg.delta import DeltaInfo, revert
from gps_seg.engine import (
    StrictCheckpointHook,
    TaskHook,
    build_base,
    load_task,
)
from gps_seg.engine.checkpoint_check import check_fits
from gps_seg.engine.testing.task_model import build_tuned

KINDS = ('low_rank', 'bottleneck', 'prompts')
SEED = 3


@pytest.fixture(params=KINDS)
def made(request, config, tmp_path):
    """A delta and a checkpoint of one task, and its tuned model."""
    info = DeltaInfo(classes=('background', 'polyp'), seed=SEED)
    base = build_base(config, SEED)
    delta, tuned = delta_by_adding(base, request.param, info)
    delta.save(tmp_path / 'delta.safetensors')
    content = {
        'state_dict': tuned.state_dict(),
        'meta': {'dataset_meta': {'classes': ('background', 'polyp')}},
        'gps_seg': {'method': {}, 'added': delta.info.added},
    }
    torch.save(content, tmp_path / 'full.pth')
    return SimpleNamespace(
        tuned=tuned, base=base, delta=tmp_path / 'delta.safetensors',
        checkpoint=tmp_path / 'full.pth', content=content,
    )  # fmt: skip


def prediction(model):
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    return inference_model(model, image).seg_logits.data


def assert_is(model, tuned):
    expected = tuned.state_dict()
    found = model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[n], expected[n]) for n in expected)
    assert plan_of(model) == plan_of(tuned)
    assert torch.equal(prediction(model), prediction(tuned))


@pytest.mark.parametrize('file', ['delta', 'checkpoint'])
def test_a_model_is_built_with_what_was_added(made, config, file):
    model = build_tuned(config, getattr(made, file))
    assert_is(model, made.tuned)
    assert not torch.equal(prediction(model), prediction(made.base))


def test_a_checkpoint_that_the_config_names_is_built(made, config):
    config.load_from = str(made.checkpoint)
    assert_is(build_tuned(config, None), made.tuned)


def test_a_task_is_loaded_into_a_model_of_mmseg(made, config):
    model = init_model(copy.deepcopy(config), device='cpu')
    load_task(model, config, made.delta)
    made.tuned.cfg = model.cfg
    assert_is(model, made.tuned)
    revert(model)
    assert model.state_dict().keys() == made.base.state_dict().keys()


def test_a_test_of_a_delta_attaches_it(made, config):
    model = build_base(copy.deepcopy(config))
    hook = TaskHook(str(made.delta))
    hook.before_test(SimpleNamespace(model=model, cfg=config, hooks=[hook]))
    assert_is(model, made.tuned)


def test_a_test_of_a_checkpoint_attaches_its_plan_first(made, config):
    """MMEngine copies the tensors after the event."""
    model = build_base(copy.deepcopy(config))
    hook = StrictCheckpointHook()
    runner = SimpleNamespace(model=model, hooks=[hook])
    for _ in range(2):  # a second test begins with the additions of the first
        hook.after_load_checkpoint(runner, made.content)
        load_state_dict(model, made.content['state_dict'], strict=True)
    assert_is(model, made.tuned)
    plain = {'state_dict': made.base.state_dict(), 'meta': {}}
    hook.after_load_checkpoint(runner, plain)
    assert not plan_of(model)


def test_a_checkpoint_without_its_plan_is_refused(made, config):
    del made.content['gps_seg']
    runner = SimpleNamespace(model=build_base(copy.deepcopy(config)), hooks=[])
    with pytest.raises(ValueError, match='tensors of modules that a method'):
        StrictCheckpointHook().after_load_checkpoint(runner, made.content)
    torch.save(made.content, made.checkpoint)
    with pytest.raises(ValueError, match='tensors of modules that a method'):
        build_tuned(config, made.checkpoint)


def test_a_training_does_not_start_without_what_was_added(made):
    """MMEngine would leave these tensors out with a warning."""
    with pytest.raises(ValueError, match='Merge them into the weights'):
        check_fits(made.base, made.content, 'backbone')
