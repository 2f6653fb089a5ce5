# Copyright (c) gps_seg contributors. Apache-2.0.
"""A small task: it is loaded, served, exported and shared."""

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch
from app_tasks import random_images
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.apis import inference_model, init_model
from model_cards import front_matter_of, page_of
from recorded_hub import RecordedHub
from small_segmentor import HEIGHT, WIDTH
from small_task import task  # noqa: F401  (a fixture)

from gps_seg.app import TaskServer, read_tasks
from gps_seg.delta import Delta
from gps_seg.delta.reports.description import describe
from gps_seg.engine import build_base, build_tuned, load_task, task_config
from gps_seg.engine.hub import downloading
from gps_seg.engine.testing.task_model import size_of
from gps_seg.export import ImageToLogits, export_segmentor, interface_of
from gps_seg.models.weight_files import sha256_of
from gps_seg.runs.sharing import (
    AuthorNotes,
    DeltaFacts,
    model_card,
    push,
    pushing,
    share,
)

DELTA = 'delta.safetensors'
FROM_MMSEG = dict(init_model=init_model, inference_model=inference_model)


@pytest.fixture
def config(run, task):  # noqa: F811
    """The config; it, its weights, the delta and an image lie in the folder.

    Its paths end with the names of these files.
    """
    for file, name in (
        ('small.py', 'config.py'),
        ('base.safetensors', 'base.safetensors'),
        (DELTA, DELTA),
    ):
        shutil.copy(task / file, name)
    (image,) = random_images(1)
    cv2.imwrite('image.png', image[..., ::-1])
    return Config.fromfile('config.py')


@pytest.fixture
def tuned(config):
    return build_tuned(config, DELTA)


@pytest.fixture
def hub(config, monkeypatch):
    """A hub whose only repository is the shared task."""
    hub = RecordedHub(Path('shared'))
    share(Path(DELTA), hub.folder, AuthorNotes(base='owner/name'))
    monkeypatch.setattr(downloading, 'hub_library', lambda: hub)
    monkeypatch.setattr(pushing, 'hub_library', lambda: hub)
    return hub


def assert_same(model, expected):
    """The tuned weights, and what they are called."""
    found, tensors = model.state_dict(), expected.state_dict()
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[n], tensors[n]) for n in tensors)


def test_build_base(run, tuned):
    assert_same(run(build_base)['model'], tuned)


def test_build_tuned(run, tuned, hub):
    names = run(build_tuned, **FROM_MMSEG)
    labels = inference_model(tuned, 'image.png').pred_sem_seg.data
    assert torch.equal(names['result'].pred_sem_seg.data, labels)
    assert_same(names['model'], tuned)
    assert {call[1] for call in hub.calls} == {'OWNER/NAME'}


def test_load_task(run, tuned):
    names = run(load_task, **FROM_MMSEG)
    labels = inference_model(tuned, 'image.png').pred_sem_seg.data
    assert torch.equal(names['result'].pred_sem_seg.data, labels)
    assert names['model'].dataset_meta['classes'] == ('background', 'polyp')


def test_task_config(run, tuned, hub):
    names = run(task_config, load_task=load_task, **FROM_MMSEG)
    assert_same(names['model'], tuned)
    assert {call[1] for call in hub.calls} == {'alice/polyps'}


def test_task_server(run, config, tuned):
    for name in ('polyps', 'veins'):
        shutil.copy(DELTA, f'{name}.safetensors')
    (image,) = random_images(1)
    answer = run(TaskServer, image=image, read_tasks=read_tasks)['answer']
    labels = inference_model(tuned, 'image.png').pred_sem_seg.data[0]
    assert (answer.labels == labels.numpy()).all()
    assert answer.base_restored


def test_image_to_logits(run, tuned):
    logits = run(ImageToLogits, segmentor=tuned, torch=torch)['logits']
    assert logits.shape == (1, 2, 512, 512)


def test_interface_of(run, tuned, config, capsys):
    run(interface_of, segmentor=tuned, config=config)
    facts = json.loads(capsys.readouterr().out)
    assert facts['input']['shape'] == [1, 3, 512, 512]
    assert facts['classes'] == ['background', 'polyp']


@pytest.mark.skipif(
    not all(
        importlib.util.find_spec(name)
        for name in ('onnx', 'onnxruntime', 'onnxscript')
    ),
    reason="ONNX is not installed: pip install 'gps-seg[export]'",
)
def test_export_segmentor(run, tuned, config):
    init_default_scope('mmseg')
    given = dict(segmentor=tuned, config=config, interface_of=interface_of)
    assert run(export_segmentor, **given)['interface'].size == (HEIGHT, WIDTH)
    assert Path('gps.onnx').is_file()


@pytest.fixture
def facts(run, config):
    """What the example of the facts makes."""
    given = dict(delta=DELTA, config=config)
    made_by = dict(describe=describe, size_of=size_of, sha256_of=sha256_of)
    return run(DeltaFacts, **given, **made_by)['facts']


def test_delta_facts_and_model_card(run, facts):
    assert facts.num_changed == facts.num_values > 0
    page = run(model_card, facts=facts)['page']
    assert 'owner/name' in page and facts.sha256 in page


def test_share(run, config):
    run(share)
    page = page_of(Path('shared'))
    assert front_matter_of(page)['license'] == 'apache-2.0'
    assert Delta.load(f'shared/{DELTA}').info == replace(
        Delta.load(DELTA).info, config=Path('shared/config.py').read_text()
    )


def test_push(run, hub, capsys):
    run(push)
    _, (kind, options) = hub.calls
    assert kind == 'upload' and options['folder_path'] == Path('shared')
    address = capsys.readouterr().out
    assert address == 'https://huggingface.co/alice/polyps\n'
