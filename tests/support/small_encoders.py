# Copyright (c) gps_seg contributors. Apache-2.0.
"""Small encoders of MMSegmentation and MMPretrain, one of each family.

All take images of ``SIDE`` x ``SIDE`` pixels.
"""

import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from gps_seg.stack import require_openmmlab

require_openmmlab()

import mmpretrain.models  # noqa: E402, F401  (registers its backbones)
from mmengine.registry import MODELS, init_default_scope  # noqa: E402
from mmseg.utils import register_all_modules  # noqa: E402

SIDE = 32
VIT = dict(
    img_size=SIDE,
    patch_size=8,
    embed_dims=16,
    num_layers=2,
    num_heads=2,
    mlp_ratio=2,
)
ARCH = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
PRETRAIN_VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=ARCH,
    img_size=SIDE,
    patch_size=8,
    out_type='featmap',
)
CONVNEXT = dict(
    type='mmpretrain.ConvNeXt',
    arch=dict(depths=[1, 2], channels=[8, 16]),
    out_indices=(0, 1),
    gap_before_final_norm=False,
)

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    'vit': dict(type='VisionTransformer', **VIT),
    'vit without class token': dict(
        type='VisionTransformer', with_cls_token=False, **VIT
    ),
    'beit': dict(type='BEiT', **VIT),
    'mae': dict(type='MAE', **VIT),
    'swin': dict(
        type='SwinTransformer',
        embed_dims=8,
        depths=(1, 2),
        num_heads=(2, 2),
        window_size=8,
        strides=(4, 2),
        mlp_ratio=2,
        out_indices=(0, 1),
    ),
    'mit': dict(
        type='MixVisionTransformer',
        embed_dims=8,
        num_stages=2,
        num_layers=[1, 2],
        num_heads=[1, 2],
        sr_ratios=[1, 2],
        patch_sizes=[7, 3],
        strides=[4, 2],
        out_indices=(0, 1),
        mlp_ratio=2,
    ),
    'mscan': dict(
        type='MSCAN',
        embed_dims=[8, 8, 16, 16],
        mlp_ratios=[2, 2, 2, 2],
        depths=[1, 1, 1, 1],
        norm_cfg=dict(type='BN'),
    ),
    'resnet': dict(type='ResNet', depth=18, base_channels=8),
    'mmpretrain vit': PRETRAIN_VIT,
    'mmpretrain vit without class token': dict(
        PRETRAIN_VIT, with_cls_token=False
    ),
    'mmpretrain vit swiglu': dict(
        PRETRAIN_VIT, layer_cfgs=dict(ffn_type='swiglu_fused')
    ),
    'mmpretrain deit': dict(
        PRETRAIN_VIT, type='mmpretrain.DistilledVisionTransformer'
    ),
    'mmpretrain deit3': dict(PRETRAIN_VIT, type='mmpretrain.DeiT3'),
    'mmpretrain beit': dict(PRETRAIN_VIT, type='mmpretrain.BEiTViT'),
    'mmpretrain swin': dict(
        type='mmpretrain.SwinTransformer',
        arch=dict(embed_dims=8, depths=[1, 2], num_heads=[2, 2]),
        window_size=4,
        img_size=SIDE,
        out_indices=(0, 1),
    ),
    'mmpretrain swin v2': dict(
        type='mmpretrain.SwinTransformerV2',
        arch=dict(
            embed_dims=8,
            depths=[1, 2],
            num_heads=[2, 2],
            extra_norm_every_n_blocks=0,
        ),
        window_size=[4, 4],
        img_size=SIDE,
        out_indices=(0, 1),
    ),
    'mmpretrain convnext': CONVNEXT,
    'mmpretrain convnext of convolutions': dict(
        CONVNEXT, linear_pw_conv=False
    ),
    'mmpretrain edgenext': dict(
        type='mmpretrain.EdgeNeXt',
        arch=dict(
            channels=[8, 8, 16, 16],
            depths=[1, 1, 1, 1],
            num_heads=[2, 2, 2, 2],
        ),
    ),
    'mmpretrain sam': dict(
        type='mmpretrain.ViTSAM',
        arch=dict(ARCH, global_attn_indexes=[0]),
        img_size=SIDE,
        patch_size=8,
        out_channels=8,
        window_size=2,
        use_rel_pos=True,
    ),
    'mmpretrain pcpvt': dict(
        type='mmpretrain.PCPVT',
        arch=dict(
            embed_dims=[8, 8, 16, 16],
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            patch_sizes=[4, 2, 2, 2],
            strides=[4, 2, 2, 2],
            mlp_ratios=[2, 2, 2, 2],
            sr_ratios=[1, 1, 1, 1],
        ),
    ),
}


#: One encoder of each family with blocks that the methods know.
FAMILIES = ('vit', 'swin', 'mmpretrain vit', 'mmpretrain convnext')


def small_model(name: str) -> nn.ModuleDict:
    """A model in evaluation mode whose child ``backbone`` is the encoder.

    Args:
        name: Key of :data:`CONFIGS`.
    """
    register_all_modules(init_default_scope=False)
    init_default_scope('mmseg')
    with warnings.catch_warnings():
        # BEiT's call of torch.meshgrid, and DeiT III's layer scale.
        warnings.simplefilter('ignore', UserWarning)
        encoder = MODELS.build(dict(CONFIGS[name]))
    return nn.ModuleDict({'backbone': encoder}).eval()


def small_task(name: str) -> SimpleNamespace:
    """A model with random values, and a loss that all of them affect.

    Args:
        name: One of :data:`FAMILIES`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = small_model(name).train()
        model['head'] = nn.LazyConv2d(2, 1)
        images = torch.randn(2, 3, SIDE, SIDE)
        model['head'](model['backbone'](images)[-1])  # sets its channels
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)

    def loss() -> torch.Tensor:
        *earlier, last = model['backbone'](images)
        terms = [*earlier, model['head'](last)]
        return sum((t.square().mean() for t in terms), images.new_zeros(()))

    return SimpleNamespace(model=model, loss=loss)
