"""Which checkpoints fit a model: those that MMEngine loads whole."""

import copy

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from mmpretrain.models import SwinTransformerV2, VisionTransformer, ViTSAM
from mmseg.models.backbones import VisionTransformer as SegmentationViT
from torch import nn

from gps_seg.engine.checkpoint_check import check_fits

VIT = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=8)
SAM = dict(patch_size=4, window_size=2, out_channels=8)
SWIN = dict(
    arch=dict(
        embed_dims=8,
        depths=[1, 1],
        num_heads=[1, 1],
        extra_norm_every_n_blocks=0,
    ),
    img_size=64,
    patch_size=4,
    out_indices=(1,),
)


def model_of(kind, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.ModuleDict({'backbone': kind(**copy.deepcopy(settings))})


@pytest.mark.parametrize(
    ('kind', 'settings', 'small', 'large'),
    [
        (
            SwinTransformerV2,
            SWIN,
            {'window_size': [4, 4]},
            {'window_size': [8, 8]},
        ),
        (
            ViTSAM,
            {'arch': {**VIT, 'global_attn_indexes': [1]}, **SAM},
            {'img_size': 32},
            {'img_size': 64},
        ),
        (
            VisionTransformer,
            {'arch': VIT, 'patch_size': 4},
            {'img_size': 16},
            {'img_size': 32},
        ),
    ],
)
def test_what_the_model_resizes_or_makes_by_itself_fits(
    kind, settings, small, large
):
    state = model_of(kind, **settings, **small).state_dict()
    model = model_of(kind, **settings, **large)
    other = [
        n for n, t in model.state_dict().items() if t.shape != state[n].shape
    ]
    assert other
    before = {name: tensor.clone() for name, tensor in state.items()}
    own = {n: t.clone() for n, t in model.state_dict().items()}
    check_fits(model, {'state_dict': state}, within='backbone')
    assert state.keys() == before.keys()
    assert all(torch.equal(state[name], before[name]) for name in before)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, own[name]), name
    # MMEngine itself takes over each parameter of equal shape.
    load_state_dict(model, dict(state), strict=False)
    for name, parameter in model.named_parameters():
        if name not in other:
            assert torch.equal(parameter, before[name]), name


def test_what_nobody_resizes_does_not_fit():
    """MMSegmentation's ViT would keep its random position embedding."""
    settings = dict(embed_dims=8, num_layers=1, num_heads=2, patch_size=4)
    state = model_of(SegmentationViT, img_size=16, **settings).state_dict()
    model = model_of(SegmentationViT, img_size=32, **settings)
    with pytest.raises(ValueError, match=r'\(backbone\.pos_embed\)'):
        check_fits(model, {'state_dict': state})


def test_only_the_submodule_that_is_named_must_be_there():
    model = nn.ModuleDict(
        {'backbone': nn.Linear(2, 2), 'backbone_aux': nn.Linear(2, 2)}
    )
    state = {
        f'module.backbone.{n}': t
        for n, t in nn.Linear(2, 2).state_dict().items()
    }
    check_fits(model, {'state_dict': state}, within='backbone')
    with pytest.raises(ValueError, match='missing are .*backbone_aux'):
        check_fits(model, {'state_dict': state})
