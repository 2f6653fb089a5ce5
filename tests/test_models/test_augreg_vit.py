"""The files of the ViT's authors: converted, they compute the same."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from flax_vit import (
    ATTENTION,
    HEADS,
    HIDDEN,
    LAYERS,
    PATCH,
    SIDE,
    WIDTH,
    flax_arrays,
    flax_forward,
)
from mmengine.registry import init_default_scope
from mmseg.models.backbones import VisionTransformer as SegViT
from mmseg.registry import MODELS
from rounding import assert_equal_to_rounding
from safetensors.torch import save_file

from gps_seg.models.augreg_names import augreg_to_mmpretrain
from gps_seg.models.weight_files import read_tensors, write_safetensors
from gps_seg.models.weights import find_weights

IMAGE = SIDE * PATCH
QUERY = f'Transformer/encoderblock_0/{ATTENTION}/query/kernel'


@pytest.fixture(autouse=True)
def _scope() -> None:
    init_default_scope('mmseg')


@pytest.fixture(scope='module')
def arrays() -> dict[str, np.ndarray]:
    return flax_arrays()


def converted(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    source = {name: torch.from_numpy(a) for name, a in arrays.items()}
    return augreg_to_mmpretrain(source)[0]


@pytest.fixture
def checkpoint(arrays: dict[str, np.ndarray], tmp_path: Path) -> str:
    path = tmp_path / 'vit.safetensors'
    write_safetensors(path, converted(arrays), {})
    return str(path)


def seg_vit(checkpoint: str, **options) -> SegViT:
    settings = {
        'type': 'VisionTransformer',
        'img_size': IMAGE,
        'patch_size': PATCH,
        'patch_bias': True,
        'embed_dims': WIDTH,
        'num_layers': LAYERS,
        'num_heads': HEADS,
        'mlp_ratio': HIDDEN // WIDTH,
        'norm_cfg': {'type': 'LN', 'eps': 1e-6},
        'final_norm': True,
        'init_cfg': {'type': 'PretrainedViT', 'checkpoint': checkpoint},
        **options,
    }
    model = MODELS.build(settings)
    model.init_weights()
    model.eval()  # gives nothing back
    return model


def pretrain_vit(checkpoint: str) -> torch.nn.Module:
    model = MODELS.build(
        {
            'type': 'mmpretrain.VisionTransformer',
            'arch': {
                'embed_dims': WIDTH,
                'num_layers': LAYERS,
                'num_heads': HEADS,
                'feedforward_channels': HIDDEN,
            },
            'img_size': IMAGE,
            'patch_size': PATCH,
            'out_type': 'featmap',
            'init_cfg': {'type': 'Pretrained', 'checkpoint': checkpoint},
        }
    )
    model.init_weights()
    model.eval()  # gives nothing back
    return model


@pytest.mark.parametrize('build', [seg_vit, pretrain_vit])
def test_both_backbones_compute_what_the_authors_file_says(
    arrays: dict[str, np.ndarray], checkpoint: str, build
) -> None:
    image = np.random.default_rng(1).normal(size=(IMAGE, IMAGE, 3))
    expected = flax_forward(arrays, image)[1:].T.reshape(WIDTH, SIDE, SIDE)
    x = torch.from_numpy(image).permute(2, 0, 1)[None]
    with torch.no_grad():
        (actual,) = build(checkpoint).double()(x)
    assert_equal_to_rounding(
        actual[0], torch.from_numpy(expected), terms=WIDTH * HIDDEN
    )


def test_the_classifier_is_dropped_and_the_report_says_so(
    arrays: dict[str, np.ndarray],
) -> None:
    source = {name: torch.from_numpy(a) for name, a in arrays.items()}
    tensors, report = augreg_to_mmpretrain(source)
    dropped = {row.source for row in report if not row.target}
    assert dropped == {
        'head.weight',
        'head.bias',
        'pre_logits.fc.weight',
        'pre_logits.fc.bias',
    }
    assert not any('head' in name or 'logits' in name for name in tensors)


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        ({QUERY: None}, r'missing \(blocks.0.attn.qkv.weight\)'),
        ({'cls': None}, r'1 missing \(cls_token\)'),
        ({'Transformer/other': (1,)}, r'1 unknown \(Transformer/other\)'),
        ({QUERY: (WIDTH, 1, WIDTH + 1)}, r'attn.qkv.weight: expected shape'),
        ({'embedding/kernel': (8, 8)}, 'patch_embed.proj.weight: expected s'),
    ],
)
def test_another_file_is_refused(
    arrays: dict[str, np.ndarray], change: dict, expected: str
) -> None:
    (name, shape), *_ = change.items()
    spoiled = {key: value for key, value in arrays.items() if key != name}
    if shape is not None:
        spoiled[name] = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=expected):
        converted(spoiled)


def test_an_npz_is_read_as_data_only(
    arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    good, evil = tmp_path / 'good.npz', tmp_path / 'evil.npz'
    np.savez(good, **arrays)
    read = read_tensors(good)
    assert read.keys() == arrays.keys()
    assert torch.equal(read[QUERY], torch.from_numpy(arrays[QUERY]))
    np.savez(evil, x=np.array([Path('runs code')], dtype=object))
    with pytest.raises(ValueError, match=r'whole \.npz.*allow_pickle=False'):
        read_tensors(evil)
    evil.write_bytes(good.read_bytes()[:-300])
    with pytest.raises(ValueError, match=r'whole \.npz file of numbers'):
        read_tensors(evil)


def test_the_tool_writes_what_the_download_would(
    arrays: dict[str, np.ndarray], tmp_path: Path, repo_dir: Path, capsys
) -> None:
    tool = repo_dir / 'tools/model_converters/augreg_to_mmpretrain.py'
    main = runpy.run_path(str(tool))['main']
    source, target = tmp_path / 'vit.npz', tmp_path / 'vit.safetensors'
    np.savez(source, **arrays)
    main([str(source), str(target)])
    out = capsys.readouterr().out
    assert 'head.weight: dropped' in out
    assert f'num_layers {LAYERS}' in out
    read, expected = read_tensors(target), converted(arrays)
    assert read.keys() == expected.keys()
    assert all(torch.equal(read[name], expected[name]) for name in read)
    source.write_bytes(b'no archive')
    assert main([str(source), str(target)]) == 1
    assert 'whole .npz' in capsys.readouterr().err


def test_the_download_becomes_the_local_file(
    arrays: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Network apart: a file at the catalogue's address is converted."""
    asked = []

    def fetch(url: str, file: str, hash_prefix: object, **_: object) -> None:
        asked.append(url)
        np.savez(file, **arrays)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', fetch)
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(tmp_path))
    path = find_weights('vit-base-p16_in21k')
    (url,) = asked
    assert '/vit_models/augreg/B_16-i21k-300ep' in url
    read = read_tensors(path)
    expected = converted(arrays)
    assert read.keys() == expected.keys()
    assert all(torch.equal(read[name], expected[name]) for name in read)


def test_without_network_the_right_converter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo_dir: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError('no network')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(tmp_path))
    with pytest.raises(FileNotFoundError) as caught:
        find_weights('vit-large-p16_in21k')
    tool = 'tools/model_converters/augreg_to_mmpretrain.py'
    assert f'python {tool} L_16-i21k-300ep' in str(caught.value)
    assert (repo_dir / tool).is_file()


# MMSegmentation's backbone


def test_the_position_embedding_is_resized_as_the_backbone_does(
    checkpoint: str,
) -> None:
    square = read_tensors(checkpoint)['pos_embed']
    model = seg_vit(checkpoint, img_size=(2 * IMAGE, IMAGE))
    grid = square[:, 1:].mT.reshape(1, WIDTH, SIDE, SIDE)
    larger = torch.nn.functional.interpolate(
        grid, (2 * SIDE, SIDE), mode='bicubic', align_corners=False
    )
    expected = torch.cat([square[:, :1], larger.flatten(2).mT], 1)
    torch.testing.assert_close(model.pos_embed.data, expected)


def test_a_backbone_without_final_norm_leaves_it_out(checkpoint: str) -> None:
    model = seg_vit(checkpoint, final_norm=False)
    assert not hasattr(model, 'ln1')


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'patch_bias': False}, r'1 left over \(patch_embed.projection.bias'),
        ({'num_layers': 3}, r'12 missing \(layers.2.ln1.weight'),
        ({'num_layers': 1}, r'12 left over \(layers.1'),
        ({'mlp_ratio': 4}, 'of another shape'),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    checkpoint: str, options: dict, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        seg_vit(checkpoint, **options)


def test_another_backbone_is_refused(checkpoint: str) -> None:
    neck = MODELS.build(
        {
            'type': 'FPN',
            'in_channels': [4],
            'out_channels': 4,
            'num_outs': 1,
            'init_cfg': {'type': 'PretrainedViT', 'checkpoint': checkpoint},
        }
    )
    with pytest.raises(TypeError, match='expected mmseg.VisionTransformer, g'):
        neck.init_weights()


def test_an_embedding_that_is_not_square_is_refused(tmp_path: Path) -> None:
    tensors = converted(flax_arrays())
    tensors['pos_embed'] = tensors['pos_embed'][:, :-1].contiguous()
    path = tmp_path / 'odd.safetensors'
    save_file(tensors, path)
    with pytest.raises(ValueError, match='1 of another shape .pos_embed'):
        seg_vit(str(path))
