"""Encoders by name: those of the catalogue, those of timm, and wrong names."""

import sys
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from timm_models import needs_timm

from gps_seg.models.catalogue import DOWNLOADS
from gps_seg.models.encoders import encoder_names, find_encoder
from gps_seg.models.timm_backbone import building

MODEL_CONFIGS = Path(__file__).resolve().parents[3] / 'configs/_base_/models'


@pytest.fixture
def no_timm(monkeypatch):
    def refuse():
        raise AssertionError('timm was asked for')

    monkeypatch.setattr(building, 'timm_library', refuse)
    monkeypatch.setattr('gps_seg.models.encoders.of_timm.timm_library', refuse)


@pytest.mark.parametrize('name', DOWNLOADS)
def test_every_download_is_an_encoder_that_builds(name, no_timm):
    encoder = find_encoder(name)
    init_default_scope('mmseg')
    size = (4 * encoder.patch, 2 * encoder.patch)
    settings = encoder.backbone_for(size)
    assert settings.pop('init_cfg')['checkpoint'] == encoder.weights
    assert encoder.weights == f'weights://{name}'
    if name in ('sam-vit-large', 'sam-vit-huge'):
        return  # as sam-vit-base
    if 'large' in name:
        with torch.device('meta'):
            assert MODELS.build(settings).embed_dims == encoder.channels[0]
        return
    maps = MODELS.build(settings)(torch.randn(1, 3, *size))
    assert [tuple(each.shape[1:]) for each in maps] == [
        (channels, 4, 2) for channels in encoder.channels
    ]


@pytest.mark.parametrize(
    ('file', 'name'),
    [
        ('vit-s14_dinov2_fcn', 'vit-small-p14_dinov2'),
        ('vit-b14_dinov2_fcn', 'vit-base-p14_dinov2'),
        ('sam_vit-b', 'sam-vit-base'),
        ('sam_vit-l', 'sam-vit-large'),
        ('sam_vit-h', 'sam-vit-huge'),
    ],
)
def test_the_backbone_is_that_of_the_configs(file, name):
    model = Config.fromfile(MODEL_CONFIGS / f'{file}.py').model.to_dict()
    encoder = find_encoder(name)
    size = tuple(model['data_preprocessor']['size'])
    assert encoder.backbone_for(size) == model['backbone']
    assert list(encoder.mean) == model['data_preprocessor']['mean']
    assert list(encoder.std) == model['data_preprocessor']['std']


def test_a_size_that_the_patches_do_not_divide_is_refused():
    with pytest.raises(ValueError, match='252 x 98'):
        find_encoder('vit-small-p14_dinov2').backbone_for((256, 100))


def test_settings_that_are_changed_do_not_change_the_encoder():
    encoder = find_encoder('vit-small-p14_dinov2')
    encoder.backbone_for((28, 28))['init_cfg']['checkpoint'] = 'other'
    again = encoder.backbone_for((28, 28))
    assert again['init_cfg']['checkpoint'] == encoder.weights


@pytest.mark.parametrize(
    ('wrong', 'similar'),
    [
        ('vit-smal-p14_dinov2', 'vit-small-p14_dinov2'),
        ('sam-vit-b', 'sam-vit-base'),
        (
            'vit_small_patch16_dinov3',
            'timm:vit_small_patch16_dinov3.lvd1689m',
        ),
        ('???', 'vit-base-p14_dinov2'),
    ],
)
def test_a_wrong_name_gives_the_nearest_ones(wrong, similar, no_timm):
    with pytest.raises(ValueError, match='expected a name') as caught:
        find_encoder(wrong)
    assert similar in str(caught.value)


LICENCES = {
    'dinov2': 'apache-2.0',
    'dinov3': 'dinov3-license',
    'eva02': 'mit',
    'siglip': 'apache-2.0',
    'samvit': 'apache-2.0',
    'convnextv2': 'cc-by-nc-4.0',
    'swinv2': 'mit',
    'hiera': 'cc-by-nc-4.0',
}


def in_pixels(values):
    return pytest.approx([255 * value for value in values], abs=1e-3)


@pytest.mark.optional
@pytest.mark.parametrize('name', [n for n in encoder_names() if ':' in n])
def test_what_is_known_of_a_model_of_timm(name):
    timm = needs_timm()
    encoder = find_encoder(name)
    assert encoder.name == name
    short = name.removeprefix('timm:')
    assert encoder.weights == f'timm://{short}'
    (licence,) = (v for k, v in LICENCES.items() if k in name)
    assert encoder.licence == licence
    assert encoder.one_size == ('convnext' not in name)
    facts = timm.get_pretrained_cfg(short).to_dict()
    data = timm.data.resolve_data_config({}, pretrained_cfg=facts)
    assert encoder.mean == in_pixels(data['mean'])
    assert encoder.std == in_pixels(data['std'])


@pytest.mark.optional
@pytest.mark.parametrize(
    'name', ['vit_small_patch16_dinov3', 'convnextv2_tiny', 'resnet18']
)
def test_the_maps_have_the_channels_that_it_says(name):
    needs_timm()
    encoder = find_encoder(f'timm:{name}')
    size = (2 * encoder.patch, encoder.patch)
    settings = encoder.backbone_for(size)
    del settings['init_cfg']
    init_default_scope('mmseg')
    maps = MODELS.build(settings)(torch.randn(2, 3, *size))
    assert tuple(each.shape[1] for each in maps) == encoder.channels
    assert maps[-1].shape[2:] == (2, 1)


@pytest.mark.optional
def test_a_name_without_a_tag_means_the_default_weights():
    needs_timm()
    encoder = find_encoder('timm:vit_small_patch16_dinov3')
    assert encoder.name == 'timm:vit_small_patch16_dinov3.lvd1689m'


@pytest.mark.optional
@pytest.mark.parametrize(
    ('wrong', 'expected'),
    [
        ('timm:vit_smal_patch16_dinov3', 'vit_small_patch16_dinov3'),
        ('timm:vit_small_patch16_dinov3.x', 'lvd1689m'),
        ('timm:vit_small_patch8_224.untrained', 'unknown name'),
        ('timm:vit_gigantic_patch14_224', 'without'),
    ],
)
def test_a_wrong_name_of_timm(wrong, expected):
    needs_timm()
    with pytest.raises(ValueError, match=expected):
        find_encoder(wrong)


def test_without_timm_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ImportError, match=r'pip install .gps-seg\[encoders\]'):
        find_encoder('timm:vit_small_patch16_dinov3')
