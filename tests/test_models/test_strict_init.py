"""Pretrained weights either fill the backbone exactly or stop the run."""

from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS, init_default_scope
from safetensors.torch import save_file
from torch import Tensor, nn

import gps_seg.models  # noqa: F401  registers the initialiser

ARCH = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)


def tiny_vit(checkpoint: object = None, **changes: object) -> nn.Module:
    init_cfg = None
    if checkpoint is not None:
        init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
        if prefix := changes.pop('prefix', None):
            init_cfg['prefix'] = prefix
    options = dict(arch=ARCH, img_size=32, patch_size=8) | changes
    return MODELS.build(
        dict(type='mmpretrain.VisionTransformer', init_cfg=init_cfg, **options)
    )


def random_weights() -> dict[str, Tensor]:
    """Values that no initialiser would give."""
    return {
        name: torch.randn_like(tensor)
        for name, tensor in tiny_vit().state_dict().items()
    }


@pytest.fixture(params=[None, 'mmseg'])
def scope(request: pytest.FixtureRequest) -> None:
    """With and without the registry scope that a Runner sets."""
    if request.param:
        init_default_scope(request.param)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize('by_path', [True, False])
def test_every_tensor_is_loaded(folder: Path, by_path: bool) -> None:
    weights = random_weights()
    file = folder / 'tiny.safetensors'
    save_file(weights, file)
    model = tiny_vit(file if by_path else 'weights://tiny')
    model.init_weights()
    loaded = model.state_dict()
    assert loaded.keys() == weights.keys()
    # ``pos_embed`` too: MMPretrain redraws it for any other type of init_cfg.
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded)


def test_position_embedding_is_resized(folder: Path) -> None:
    weights = random_weights()
    save_file(weights, folder / 'tiny.safetensors')
    model = tiny_vit('weights://tiny', img_size=48)
    model.init_weights()
    grid = weights['pos_embed'][:, 1:].mT.unflatten(2, (4, 4))
    grid = nn.functional.interpolate(grid, (6, 6), mode='bicubic')
    assert torch.equal(model.pos_embed[:, :1], weights['pos_embed'][:, :1])
    torch.testing.assert_close(model.pos_embed[:, 1:], grid.flatten(2).mT)


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (dict(arch=ARCH | {'num_layers': 3}), r'12 missing \(layers.2.ln1.w'),
        (
            dict(arch=ARCH | {'num_layers': 1}),
            r'got 12 left over \(layers.1.attn',
        ),
        (
            dict(arch=ARCH | {'embed_dims': 4}),
            r'of another shape \(cls_token \(1, 1, 8\) for \(1, 1, 4\)',
        ),
        (
            dict(layer_scale_init_value=0.1),
            r'got 4 missing \(layers.0.attn.gamma1.weight',
        ),
        (dict(patch_size=4), r'patch_embed.projection.weight \(8, 3, 8, 8\)'),
    ],
    ids=['deeper', 'shallower', 'narrower', 'layer-scale', 'patch'],
)
def test_other_architecture_is_refused(
    folder: Path, other: dict, message: str
) -> None:
    save_file(random_weights(), folder / 'tiny.safetensors')
    model = tiny_vit('weights://tiny', **other)
    with pytest.raises(ValueError, match=message) as caught:
        model.init_weights()
    assert 'weights://tiny: expected the weights of this VisionTr' in str(
        caught.value
    )


def test_other_architecture_is_refused_by_path_too(folder: Path) -> None:
    file = folder / 'tiny.safetensors'
    save_file(random_weights(), file)
    model = tiny_vit(file, layer_scale_init_value=0.1)
    with pytest.raises(ValueError, match='got 4 missing'):
        model.init_weights()


def test_prefix_takes_one_part(folder: Path) -> None:
    weights = random_weights()
    whole = {f'backbone.{name}': t for name, t in weights.items()}
    save_file(whole | {'head.x': torch.ones(1)}, folder / 'all.safetensors')
    model = tiny_vit('weights://all', prefix='backbone')
    model.init_weights()
    assert torch.equal(model.pos_embed, weights['pos_embed'])
    model = tiny_vit('weights://all', prefix='neck')
    with pytest.raises(ValueError, match=r"prefix: .+'neck\.', got backbone"):
        model.init_weights()


def test_other_checkpoints_stay_as_mmengine_has_them(tmp_path: Path) -> None:
    class Net(BaseModule):
        def __init__(self) -> None:
            path = str(tmp_path / 'any.pth')
            super().__init__(dict(type='Pretrained', checkpoint=path))
            self.layer = nn.Linear(2, 2)

    torch.save(
        {'layer.weight': torch.ones(2, 2), 'else': torch.ones(1)},
        tmp_path / 'any.pth',
    )
    model = Net()
    model.init_weights()  # warns only, as MMEngine does
    assert torch.equal(model.layer.weight, torch.ones(2, 2))
