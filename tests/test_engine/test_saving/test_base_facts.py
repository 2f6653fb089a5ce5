"""What a delta says about the weights of its base."""

import pytest
import torch
from mmengine import Config

from gps_seg.engine.saving.base_facts import base_facts
from gps_seg.models.weight_files import write_safetensors

NAME = 'vit-small-p14_dinov2'
PUBLISHED = 'https://somewhere/dinov2_vits14_pretrain.pth'


def config(checkpoint, **others):
    weights = dict(type='Pretrained', checkpoint=checkpoint)
    return Config(dict(model=dict(backbone=dict(init_cfg=weights)), **others))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        (PUBLISHED, {'name': NAME, 'licence': 'apache-2.0'}),
        ('my_own.pth', {'name': NAME}),
        (None, {'name': NAME}),
    ],
)
def test_the_licence_is_that_of_the_published_file(folder, source, expected):
    facts = {} if source is None else {'source_file': source}
    file = folder / f'{NAME}.safetensors'
    write_safetensors(file, {'x': torch.ones(1)}, facts)
    assert base_facts(config(f'weights://{NAME}')) == expected


def test_without_the_file_the_licence_is_not_known(folder):
    assert base_facts(config(f'weights://{NAME}')) == {'name': NAME}


@pytest.mark.parametrize(
    ('place', 'name'),
    [
        ('/home/someone/secret/vit.pth', 'vit.pth'),
        (r'C:\Users\someone\vit.pth', 'vit.pth'),
        ('https://example.org/a/vit.pth', 'vit.pth'),
    ],
)
def test_no_folder_is_told(place, name):
    assert base_facts(config(place)) == {'name': name}


def test_a_checkpoint_to_start_from_comes_first():
    both = config('weights://x', load_from='runs/segmentor.pth')
    assert base_facts(both) == {'name': 'segmentor.pth'}
    stopped = config('a/vit.pth', load_from='resume.pth', resume=True)
    assert base_facts(stopped) == {'name': 'vit.pth'}


@pytest.mark.parametrize(
    'settings',
    [
        {},
        dict(model=None),
        dict(model=dict(backbone=None)),
        dict(model=dict(backbone=dict(init_cfg=[dict(type='Normal')]))),
    ],
)
def test_without_weights_nothing_is_said(settings):
    assert base_facts(Config(settings)) == {}


def test_the_place_of_older_configs():
    assert base_facts(Config(dict(model=dict(pretrained='a/b.pth')))) == {
        'name': 'b.pth'
    }
