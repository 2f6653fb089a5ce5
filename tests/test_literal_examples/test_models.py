# Copyright (c) gps_seg contributors. Apache-2.0.
"""Parts of a model in a config, made small, with their pretrained weights.

The text names a file of weights, which lies in the folder that it is looked
for in, and leaves out the sizes of the model, which are the smallest here.
"""

from pathlib import Path

import pytest
import torch
from flax_vit import HEADS, HIDDEN, LAYERS, PATCH, SIDE, WIDTH, flax_arrays
from mmengine.registry import MODELS, init_default_scope
from safetensors.torch import load_file, save_file
from small_sam import DECODER, needs_transformers
from timm_models import needs_timm

from gps_seg.models import (
    PretrainedViTInit,
    SAMHead,
    StrictPretrainedInit,
    TimmFeatures,
    find_weights,
)
from gps_seg.models.augreg_names import augreg_to_mmpretrain

ARCH = dict(
    embed_dims=WIDTH,
    num_layers=LAYERS,
    num_heads=HEADS,
    feedforward_channels=HIDDEN,
)
SMALL_VIT = dict(arch=ARCH, img_size=SIDE * PATCH, patch_size=PATCH)
SMALL_SEG_VIT = dict(
    embed_dims=WIDTH,
    num_layers=LAYERS,
    num_heads=HEADS,
    mlp_ratio=HIDDEN // WIDTH,
    img_size=SIDE * PATCH,
    patch_size=PATCH,
    patch_bias=True,
    final_norm=True,
)


@pytest.fixture(autouse=True)
def weights(run, monkeypatch):
    """The folder of weights, empty."""
    init_default_scope('mmseg')
    folder = Path('weights').absolute()
    folder.mkdir()
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(folder))
    return folder


def vit_weights():
    """Those of a small ViT, with MMPretrain's names."""
    arrays = {n: torch.from_numpy(a) for n, a in flax_arrays().items()}
    return augreg_to_mmpretrain(arrays)[0]


def built(names, **settings):
    """The backbone of an example with its weights."""
    model = MODELS.build(names['model']['backbone'] | settings)
    model.init_weights()
    return model


def test_find_weights(run, weights):
    file = weights / 'vit-small-p14_dinov2.safetensors'
    file.touch()
    assert run(find_weights)['path'] == file


def test_strict_pretrained_init(run, weights):
    tensors = vit_weights()
    save_file(tensors, weights / 'vit-small-p14_dinov2.safetensors')
    vit = dict(type='mmpretrain.VisionTransformer', **SMALL_VIT)
    found = built(run(StrictPretrainedInit), **vit).state_dict()
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_pretrained_vit_init(run, weights):
    tensors = vit_weights()
    save_file(tensors, weights / 'vit-base-p16_in21k.safetensors')
    found = built(run(PretrainedViTInit), **SMALL_SEG_VIT).state_dict()
    assert torch.equal(
        found['layers.1.attn.attn.in_proj_weight'],
        tensors['layers.1.attn.qkv.weight'],
    )


@pytest.mark.optional
def test_timm_features(run, weights):
    timm = needs_timm()
    names = run(TimmFeatures)
    settings = dict(embed_dim=24, num_heads=2)
    file = weights / 'vit_small_patch16_dinov3.lvd1689m.safetensors'
    reference = timm.create_model('vit_small_patch16_dinov3', **settings)
    save_file(reference.state_dict(), file)
    backbone = built(names, **settings)
    maps = backbone(torch.zeros(1, 3, 256, 256))
    assert [each.shape for each in maps] == [(1, 24, 16, 16)] * 4
    kept = load_file(file)
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, kept[name]), name


@pytest.mark.optional
def test_sam_head(run):
    needs_transformers()
    sizes = dict(in_channels=DECODER, num_heads=2, feedforward_channels=64)
    head = MODELS.build(run(SAMHead)['decode_head'] | sizes)
    logits = head((torch.zeros(2, DECODER, 4, 4),))
    assert logits.shape == (2, 1, 16, 16)
