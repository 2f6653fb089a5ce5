# Copyright (c) gps_seg contributors. Apache-2.0.
"""The families of MMSegmentation's zoo: one config of each, made small.

To add a family, add a row to ``FAMILIES``. The model of the config is built
with every width divided by a number, for images of 64 x 64 pixels and without
pretrained weights. The optimizer is that of the config.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data import Dataset

#: Keys of a model's config whose values are widths.
WIDTHS = {
    'base_channels',
    'c1_channels',
    'c1_in_channels',
    'channels',
    'embed_dim',
    'embed_dims',
    'feat_channels',
    'feedforward_channels',
    'ham_channels',
    'in_channels',
    'isa_channels',
    'mid_channels',
    'mla_channels',
    'ocr_channels',
    'out_channels',
    'pam_channels',
    'post_process_channels',
    'ppm_channels',
    'stem_channels',
}
RESNET = {'backbone.base_channels': 8, 'backbone.stem_channels': 8}


@dataclass(frozen=True)
class Family:
    """One row of the table.

    Args:
        config: Path of the config in MMSegmentation's folder of configs.
        divide: Divisor of the widths; 1 if the code of the backbone sets its
            widths.
        settings: Dotted key of the model's config -> value.
        side: Side of the images in pixels.
        requires: Modules that the family needs and that a plain installation
            lacks.
        is_quick: Whether the default tests run it: one or two models for
            each kind of layer.
    """

    config: str
    divide: int = 8
    settings: Mapping[str, Any] = field(default_factory=dict)
    side: int = 64
    requires: tuple[str, ...] = ()
    is_quick: bool = False


def resnet(config: str, **options: Any) -> Family:
    """A family with ResNet, whose widths are defaults of its code."""
    return Family(config, settings=RESNET, **options)


OPS = ('mmcv._ext',)
FAMILIES: Mapping[str, Family] = {
    # Transformers and similar networks.
    'setr-naive': Family('setr/setr_vit-l_naive_8xb2-160k_ade20k-512x512.py'),
    'setr-pup': Family('setr/setr_vit-l_pup_8xb2-160k_ade20k-512x512.py'),
    'setr-mla': Family('setr/setr_vit-l_mla_8xb2-160k_ade20k-512x512.py'),
    'vit-upernet': Family(
        'vit/vit_vit-b16-ln_mln_upernet_8xb2-160k_ade20k-512x512.py'
    ),
    'deit-upernet': Family(
        'vit/vit_deit-b16_upernet_8xb2-160k_ade20k-512x512.py'
    ),
    'beit-upernet': Family(
        'beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py', is_quick=True
    ),
    'mae-upernet': Family(
        'mae/mae-base_upernet_8xb2-amp-160k_ade20k-512x512.py'
    ),
    'swin-upernet': Family(
        'swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_'
        'ade20k-512x512.py',
        is_quick=True,
    ),
    'twins-pcpvt-fpn': Family(
        'twins/twins_pcpvt-s_fpn_fpnhead_8xb4-80k_ade20k-512x512.py'
    ),
    'twins-svt-upernet': Family(
        'twins/twins_svt-s_uperhead_8xb2-160k_ade20k-512x512.py'
    ),
    'segmenter': Family(
        'segmenter/segmenter_vit-s_mask_8xb1-160k_ade20k-512x512.py',
        is_quick=True,
    ),
    'dpt': Family('dpt/dpt_vit-b16_8xb2-160k_ade20k-512x512.py'),
    'segformer': Family(
        'segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py',
        is_quick=True,
    ),
    'segnext': Family(
        'segnext/segnext_mscan-t_1xb16-adamw-160k_ade20k-512x512.py'
    ),
    'convnext-upernet': Family(
        'convnext/convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512.py',
        settings={
            'backbone.arch': dict(
                depths=[1, 1, 2, 1], channels=[12, 24, 48, 96]
            )
        },
        is_quick=True,
    ),
    'poolformer-fpn': Family(
        'poolformer/fpn_poolformer_s12_8xb4-40k_ade20k-512x512.py',
        settings={
            'backbone.arch': dict(
                layers=[1, 1, 2, 1],
                embed_dims=[8, 16, 40, 64],
                mlp_ratios=[4] * 4,
                layer_scale_init_value=1e-5,
            )
        },
        is_quick=True,
    ),
    'knet-swin': Family(
        'knet/knet-s3_swin-t_upernet_8xb2-adamw-80k_ade20k-512x512.py'
    ),
    'knet-resnet': resnet(
        'knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512.py'
    ),
    # Heads with ResNet.
    'ann': resnet('ann/ann_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'apcnet': resnet('apcnet/apcnet_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'danet': resnet('danet/danet_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'deeplabv3': resnet(
        'deeplabv3/deeplabv3_r50-d8_4xb4-80k_ade20k-512x512.py'
    ),
    'deeplabv3plus': resnet(
        'deeplabv3plus/deeplabv3plus_r50-d8_4xb4-80k_ade20k-512x512.py'
    ),
    'dmnet': resnet('dmnet/dmnet_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'dnlnet': resnet('dnlnet/dnl_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'emanet': resnet('emanet/emanet_r50-d8_4xb2-80k_cityscapes-512x1024.py'),
    'encnet': resnet('encnet/encnet_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'fastfcn': resnet(
        'fastfcn/fastfcn_r50-d32_jpu_psp_4xb4-80k_ade20k-512x512.py'
    ),
    'fcn': resnet('fcn/fcn_r50-d8_4xb4-80k_ade20k-512x512.py', is_quick=True),
    'gcnet': resnet('gcnet/gcnet_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'isanet': resnet('isanet/isanet_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'nonlocal': resnet(
        'nonlocal_net/nonlocal_r50-d8_4xb4-80k_ade20k-512x512.py'
    ),
    'pspnet': resnet('pspnet/pspnet_r50-d8_4xb4-80k_ade20k-512x512.py'),
    'resnest': resnet(
        'resnest/resnest_s101-d8_fcn_4xb4-160k_ade20k-512x512.py'
    ),
    'semantic-fpn': resnet('sem_fpn/fpn_r50_4xb4-160k_ade20k-512x512.py'),
    'upernet': resnet('upernet/upernet_r50_4xb4-80k_ade20k-512x512.py'),
    'ccnet': resnet(
        'ccnet/ccnet_r50-d8_4xb4-80k_ade20k-512x512.py', requires=OPS
    ),
    'pointrend': resnet(
        'point_rend/pointrend_r50_4xb4-160k_ade20k-512x512.py', requires=OPS
    ),
    'psanet': resnet(
        'psanet/psanet_r50-d8_4xb4-80k_ade20k-512x512.py', requires=OPS
    ),
    # Other convolutional backbones.
    'bisenetv1': Family(
        'bisenetv1/bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024.py',
        divide=1,
    ),
    'bisenetv2': Family(
        'bisenetv2/bisenetv2_fcn_4xb4-160k_cityscapes-1024x1024.py', divide=1
    ),
    'cgnet': Family('cgnet/cgnet_fcn_4xb4-60k_cityscapes-680x680.py', 1),
    'ddrnet': Family(
        'ddrnet/ddrnet_23-slim_in1k-pre_2xb6-120k_cityscapes-1024x1024.py'
    ),
    'erfnet': Family('erfnet/erfnet_fcn_4xb4-160k_cityscapes-512x1024.py', 1),
    'fast-scnn': Family(
        'fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024.py', divide=1
    ),
    'hrnet': Family('hrnet/fcn_hr18s_4xb4-80k_ade20k-512x512.py', divide=1),
    'icnet': Family(
        'icnet/icnet_r18-d8_4xb2-80k_cityscapes-832x832.py', divide=1
    ),
    'mobilenet-v2': Family(
        'mobilenet_v2/mobilenet-v2-d8_fcn_4xb4-160k_ade20k-512x512.py',
        divide=1,
    ),
    'mobilenet-v3': Family(
        'mobilenet_v3/mobilenet-v3-d8-s_lraspp_4xb4-320k_'
        'cityscapes-512x1024.py',
        divide=1,
        side=400,  # its head pools 49 x 49 of side / 8
    ),
    'ocrnet': Family('ocrnet/ocrnet_hr18s_4xb4-80k_ade20k-512x512.py', 1),
    'pidnet': Family('pidnet/pidnet-s_2xb6-120k_1024x1024-cityscapes.py'),
    'stdc': Family('stdc/stdc1_4xb12-80k_cityscapes-512x1024.py', divide=1),
    'unet': Family('unet/unet-s5-d16_fcn_4xb4-40k_drive-64x64.py'),
    # Models that classify masks, and language-image models.
    'mask2former': Family(
        'mask2former/mask2former_swin-t_8xb2-160k_ade20k-512x512.py',
        requires=(*OPS, 'mmdet'),
    ),
    'maskformer': Family(
        'maskformer/maskformer_swin-t_upernet_8xb2-160k_ade20k-512x512.py',
        requires=(*OPS, 'mmdet'),
    ),
    'san': Family('san/san-vit-b16_coco-stuff164k-640x640.py', requires=OPS),
    'vpd': Family(
        'vpd/vpd_sd_4xb8-25k_nyu-480x480.py', requires=('ldm', 'diffusers')
    ),
}


def missing(family: Family) -> list[str]:
    """Required modules that are not installed."""
    return [name for name in family.requires if not _is_there(name)]


def _is_there(name: str) -> bool:
    parent = name.rpartition('.')[0]
    if parent and not _is_there(parent):
        return False
    return importlib.util.find_spec(name) is not None


def small_config(configs: Path, family: Family) -> Config:
    """The family's config, with a small model without pretrained weights.

    Args:
        configs: MMSegmentation's folder of configs.
        family: A row.
    """
    config = Config.fromfile(configs / family.config)
    model = _small(config.model.to_dict(), family)
    model['data_preprocessor']['size'] = (family.side, family.side)
    for key, value in family.settings.items():
        *path, last = key.split('.')
        node = model
        for step in path:
            node = node[step]
        node[last] = value
    config.model = model
    return config


def _small(node: Any, family: Family, key: str = '') -> Any:
    if key in ('init_cfg', 'pretrained'):
        return None
    if key == 'img_size':
        return family.side
    if isinstance(node, dict):
        return {k: _small(v, family, k) for k, v in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(_small(item, family, key) for item in node)
    if key in WIDTHS and isinstance(node, int) and node > family.divide:
        return node // family.divide
    return node


def build(config: Config) -> nn.Module:
    """The config's model, with random weights."""
    init_default_scope('mmseg')
    return MODELS.build(config.model)


class Pairs(Dataset):
    """Noise and labels of ``num_classes``, in MMSegmentation's form."""

    def __init__(self, num_classes: int, side: int) -> None:
        self.num_classes = num_classes
        self.size = (side, side)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(index)

        def draw(high: int, channels: int) -> torch.Tensor:
            shape = (channels, *self.size)
            return torch.randint(0, high, shape, generator=generator)

        sample = SegDataSample(
            metainfo=dict(img_shape=self.size, ori_shape=self.size),
            gt_sem_seg=PixelData(data=draw(self.num_classes, 1)),
            gt_edge_map=PixelData(data=draw(2, 1)),  # for PIDNet
        )
        return dict(inputs=draw(256, 3).byte(), data_samples=sample)
