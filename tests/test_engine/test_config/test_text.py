"""Configs are read as data, and only as data."""

import pickle
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS
from small_segmentor import TEXT, write_config
from torch import nn

from gps_seg.engine.config.source import config_folder, read_config
from gps_seg.engine.config.text import (
    config_from_file,
    config_from_text,
    values_from_text,
)
from gps_seg.engine.testing.task_model import build_base, size_of

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'


@pytest.mark.parametrize('name', ['gps_kvasir.py', 'demo/pretrain_source.py'])
def test_all_values_are_read_from_the_text(name):
    config = Config.fromfile(CONFIGS / name)
    assert values_from_text(config.pretty_text) == config.to_dict()


def test_keys_that_are_no_names():
    content = {'a': {'b-c': 1, 'd': {'e.f': [{'g h': (2.5, -3, None)}]}}}
    assert values_from_text(Config(content).pretty_text) == content


@pytest.mark.parametrize('name', ['gps_kvasir.py', 'flowers/vtab_gps.py'])
def test_what_a_model_is_used_by_is_kept_and_nothing_else(name):
    config = Config.fromfile(CONFIGS / name)
    whole, read = config.to_dict(), config_from_text(config.pretty_text)
    model = whole['model']
    for part in (model, model.get('data_preprocessor') or {}):
        part.pop('train_cfg', None)
        part.pop('batch_augments', None)
    assert read.model.to_dict() == model
    dataset, kept = (
        c['test_dataloader']['dataset'] for c in (whole, read.to_dict())
    )
    assert kept['type'] == dataset['type']
    assert kept['pipeline'] == dataset['pipeline']
    assert 'pipeline' not in read.train_dataloader.dataset
    assert not {'optim_wrapper', 'visualizer', 'custom_imports'} & read.keys()
    assert size_of(read) == size_of(config)


def test_a_model_built_from_the_text_is_that_of_the_config(tmp_path):
    config = Config.fromfile(write_config(tmp_path))
    built = build_base(config_from_text(config.pretty_text)).backbone
    expected = build_base(config).backbone.state_dict()
    assert built.state_dict().keys() == expected.keys()
    for name, tensor in built.state_dict().items():
        assert torch.equal(tensor, expected[name])


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('import os', "line 1, 'import os'"),
        ('a = 1\nb = open("x").read()', 'line 2, "open('),
        ('a = [dict(b=print(1))]', "line 1, 'print(1)'"),
        ('a = dict(**{"b": 1})', 'dict(**'),
        ('a = dict([("b", 1)])', 'dict([('),
        ('a = b', 'malformed node'),
        ('a = 1 if True else 2', 'malformed node'),
        ('a.b = 1', "'a.b = 1'"),
        ('a = b = 1', "'a = b = 1'"),
        ('a: int = 1', "'a: int = 1'"),
        ('a = (', 'never closed'),
        ('a = {[]: 1}', 'unhashable'),
        ('a = ' + '(' * 9000, 'got:'),
        ('a = 1' + '+1' * 9000, 'got:'),
        ('a = ' + '-' * 99000 + '1', 'got:'),
        ('a = 1' + ' ' * 1_000_000, '1000005 characters'),
    ],
)
def test_anything_else_is_refused(text, reason):
    with pytest.raises(ValueError, match='expected assignments') as error:
        config_from_text(text)
    assert reason in str(error.value)


def text_with(changes=()):
    """Text of the small segmentor, with other values by dotted key."""
    config = Config.fromstring(TEXT, '.py')
    config.merge_from_dict(dict(changes))
    values = config.to_dict()
    return '\n'.join(f'{name} = {values[name]!r}' for name in values)


def in_model(**settings):
    return {f'model.{name}': value for name, value in settings.items()}


def in_head(**settings):
    return in_model(**{f'decode_head.{n}': v for n, v in settings.items()})


def with_weights(checkpoint):
    return in_model(init_cfg=[dict(type='Pretrained', checkpoint=checkpoint)])


def with_steps(*steps):
    return {'test_dataloader.dataset.pipeline': list(steps)}


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        # No type of a registry, at all places.
        (in_model(type='evil'), "type 'evil'"),
        (in_head(act_cfg={'type': 'evil'}), "type 'evil'"),
        (in_head(a=({'b': [{'type': 'evil'}]},)), "type 'evil'"),
        (in_model(type='evil.Evil'), "type 'evil.Evil'"),
        (in_model(type='os.system'), "type 'os.system'"),
        (in_model(type='mmengine.load'), "type 'mmengine.load'"),
        (in_model(type='mmdet.MaskRCNN'), "type 'mmdet.MaskRCNN'"),
        (
            in_model(type='mmpretrain.models.ImageClassifier'),
            "type 'mmpretrain.models.ImageClassifier'",
        ),
        (in_model(type=1), 'type 1'),
        (in_model(type=['EncoderDecoder']), "type ['EncoderDecoder']"),
        # Another registry, or one that is not a known one.
        ({'default_scope': 'evil'}, "default_scope 'evil'"),
        ({'default_scope': ['mmseg']}, "default_scope ['mmseg']"),
        (in_model(_scope_='evil'), "_scope_ 'evil'"),
        (in_head(act_cfg={'type': 'ReLU', '_scope_': 'evil'}), "_scope_ '"),
        # Of a registry, but they do other things than compute.
        (in_model(type='LoadAnnotations'), "type 'LoadAnnotations'"),
        (in_model(type='SegLocalVisualizer'), "type 'SegLocalVisualizer'"),
        (in_model(type='mmengine.MMLogger'), "type 'mmengine.MMLogger'"),
        (
            in_model(type='mmpretrain.ImageClassificationInferencer'),
            "type 'mmpretrain.ImageClassificationInferencer'",
        ),
        (
            in_model(type='mmpretrain.HuggingFaceClassifier'),
            "type 'mmpretrain.HuggingFaceClassifier'",
        ),
        (
            in_model(type='mmpretrain.TimmClassifier'),
            "type 'mmpretrain.TimmClassifier'",
        ),
        (in_model(**{'backbone.type': 'TIMMBackbone'}), "'TIMMBackbone'"),
        (in_model(**{'backbone.type': 'VPD'}), "type 'VPD'"),
        (in_model(text={'type': 'CLIPTextEncoder'}), "'CLIPTextEncoder'"),
        # A file that would be unpickled, or another that would be read.
        (
            in_head(
                loss_decode={
                    'type': 'CrossEntropyLoss',
                    'class_weight': 'pkl',
                }
            ),
            "class_weight 'pkl'",
        ),
        (in_head(a='/a.pkl'), "a '/a.pkl'"),
        (in_head(a='data/not-yet-there.PKL'), "a 'data/not-yet-there.PKL'"),
        (in_head(a='there'), "a 'there'"),
        (in_head(a='~'), "a '~'"),
        (in_head(a='a' * 9999), 'too long'),
        (in_head(a='../pkl'), "a '../pkl'"),
        (in_head(a='http://a'), "a 'http://a'"),
        # What MMEngine would write as code when it writes the config.
        (in_head(a={"': open('x'), '": 1}), 'the key'),
        # No plain values.
        (in_head(a=b'x'), "a b'x'"),
        (in_head(a={1, 2}), 'a {1, 2}'),
        (in_head(a=1j), 'a 1j'),
        # What would be fetched.
        (with_weights('http://a/b.pth'), "checkpoint 'http://a/b.pth'"),
        (with_weights('open-mmlab:s3://a'), "checkpoint 'open-mmlab:s3://a'"),
        (with_weights('weights://../a'), "checkpoint 'weights://../a'"),
        (with_weights(1), 'checkpoint 1'),
        (in_model(pretrained='s3://a'), "pretrained 's3://a'"),
        (in_head(pretrained='//host/a'), "pretrained '//host/a'"),
        ({'load_from': 'https://a'}, "load_from 'https://a'"),
        ({'load_from': 5}, 'load_from 5'),
        # Of pipelines.
        ({'test_pipeline': [{'type': 'evil'}]}, "type 'evil'"),
        (with_steps({'type': 'evil'}), "type 'evil'"),
        (
            with_steps(
                {'type': 'RandomChoice', 'transforms': [[{'type': 'evil'}]]}
            ),
            "type 'evil'",
        ),
        (
            with_steps({'type': 'Albu', 'transforms': [{'type': 'Blur'}]}),
            "type 'Blur'",
        ),
        (with_steps({'type': 'FCNHead'}), "type 'FCNHead'"),
        (
            with_steps(
                {
                    'type': 'LoadBiomedicalImageFromFile',
                    'decode_backend': 'pickle',
                }
            ),
            "decode_backend 'pickle'",
        ),
        (
            with_steps(
                {
                    'type': 'LoadImageFromFile',
                    'backend_args': {'backend': 'http'},
                }
            ),
            "backend_args {'backend': 'http'}",
        ),
    ],
)
def test_what_might_do_more_is_refused(changes, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('pkl', 'there'):
        (tmp_path / name).write_bytes(pickle.dumps([1.0, 1.0]))
    with pytest.raises(ValueError, match='expected parts of MM') as error:
        config_from_text(text_with(changes))
    assert reason in str(error.value)


def test_a_number_without_end_is_refused():
    text = text_with(in_head(dropout_ratio=0.25)).replace('0.25', '1e999')
    with pytest.raises(ValueError, match='dropout_ratio inf'):
        config_from_text(text)


def test_a_part_of_ones_own_is_not_a_known_one(monkeypatch):
    """It may do anything, whoever registered it, and under what name."""

    class Mine(nn.Module):
        pass

    monkeypatch.setitem(MODELS.module_dict, 'Mine', Mine)
    monkeypatch.setitem(MODELS.module_dict, 'ReLU', Mine)
    for name in ('Mine', 'ReLU'):
        with pytest.raises(ValueError, match=f"got type '{name}'"):
            config_from_text(text_with(in_head(act_cfg={'type': name})))


@pytest.mark.parametrize('name', ['evil', 'BN', 'Evil'])
def test_a_type_is_never_a_module_of_that_name(name, tmp_path, monkeypatch):
    """MMEngine would import it, where it finds no such type."""
    (tmp_path / f'{name}.py').write_text('open("ran", "w").close()')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert HOOKS.get(name) is None
    assert not (tmp_path / 'ran').exists()


def test_nothing_of_the_text_is_run(tmp_path, monkeypatch):
    """Files with all names in it lie on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ('evil', 'FCNHead', 'BN', 'EncoderDecoder', 'PackInputs'):
        (tmp_path / f'{name}.py').write_text('open("ran", "w").close()')
    text = text_with(
        {
            'custom_imports.imports': ['evil'],
            'visualizer': {'type': 'evil'},
            'default_hooks': {'logger': {'type': 'evil'}},
            'test_dataloader.dataset.type': 'evil',
            'val_dataloader.dataset.type': 'evil.Evil',
            'model.train_cfg': {'augments': {'type': 'evil'}},
            'model.decode_head.sampler': {'type': 'evil'},
        }
    )
    text += '\n_base_ = "evil.py"\n'
    config = config_from_text(text)
    assert 'evil' not in config.pretty_text
    model = build_base(config)
    assert isinstance(model, nn.Module)
    with pytest.raises(ValueError, match='expected assignments'):
        config_from_text('a = __import__("evil")')
    assert not (tmp_path / 'ran').exists()
    assert 'evil' not in sys.modules


@pytest.mark.parametrize(
    'name',
    [
        'beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py',
        'deeplabv3plus/deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024.py',
        'ocrnet/ocrnet_hr18_4xb2-40k_cityscapes-512x1024.py',
        'unet/unet-s5-d16_fcn_4xb4-ce-1.0-dice-3.0-40k_drive-64x64.py',
        'vit/vit_vit-b16_mln_upernet_8xb2-80k_ade20k-512x512.py',
    ],
)
def test_configs_of_the_zoo_are_read(name):
    config = read_config(str(config_folder('mmseg') / name))
    read = config_from_text(config.pretty_text)
    assert read.model.type == config.model.type


def test_a_file_is_named(tmp_path):
    path = tmp_path / 'config.py'
    with pytest.raises(FileNotFoundError, match='nothing at .*config.py'):
        config_from_file(path)
    path.write_text(text_with())
    assert config_from_file(path).model.type == 'EncoderDecoder'
    for text in ('a = b', 'a = 1'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r'\(.*config.py\)'):
            config_from_file(path)
