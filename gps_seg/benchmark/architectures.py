# Copyright (c) gps_seg contributors. Apache-2.0.
"""The segmentors that are measured, and a batch of synthetic data for each.

Encoders are those of MMPretrain and MMSegmentation, built by their registry;
the head is as light as one can be, so that the encoder, which is what the
methods differ in, is most of the cost. Weights are random unless a checkpoint
is given: what a step costs depends on shapes, and on how many columns were
selected, which is recorded.
Dropout and stochastic depth are off, so that all methods do the same work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mmpretrain.models  # noqa: F401  (registers its backbones)
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules
from torch import Tensor, nn

import gps_seg.models  # noqa: F401  (registers its loaders of weights)

#: Name of the encoder in the segmentor.
ENCODER = 'backbone'
NUM_CLASSES = 2


@dataclass(frozen=True)
class Architecture:
    """One encoder.

    Args:
        backbone: Side of the square input in pixels -> config of the encoder.
        channels: Channels of the four levels that the head reads.
        size: Side of the input unless another is asked for.
        stride: The side must be a multiple of this, in pixels.
    """

    backbone: Callable[[int], dict[str, Any]]
    channels: tuple[int, ...]
    size: int
    stride: int


def vision_transformer(
    arch: str | dict[str, Any],
    patch: int,
    levels: tuple[int, ...],
    layer_scale: float = 0.0,
) -> Callable[[int], dict[str, Any]]:
    """Config of MMPretrain's ViT for any size of the input."""
    return lambda size: dict(
        type='mmpretrain.VisionTransformer',
        arch=arch,
        img_size=(size, size),
        patch_size=patch,
        layer_scale_init_value=layer_scale,
        out_indices=levels,
        out_type='featmap',
    )


def swin_tiny(size: int) -> dict[str, Any]:
    """Config of MMSegmentation's Swin-T; it takes inputs of any size."""
    del size
    return dict(type='SwinTransformer', drop_path_rate=0.0)


TINY_VIT = dict(
    embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64
)
LEVELS = (2, 5, 8, 11)
ARCHITECTURES: Mapping[str, Architecture] = {
    # A scale of one in place of DINOv2's initial 1e-5, which would shut the
    # blocks off; trained ones are of the order of one.
    'vit-s14': Architecture(
        vision_transformer('dinov2-small', 14, LEVELS, layer_scale=1.0),
        (384,) * 4,
        size=252,
        stride=14,
    ),
    'vit-b16': Architecture(
        vision_transformer('base', 16, LEVELS),
        (768,) * 4,
        size=512,
        stride=16,
    ),
    'swin-t': Architecture(
        swin_tiny, (96, 192, 384, 768), size=512, stride=32
    ),
    # To try the benchmark out in seconds.
    'tiny': Architecture(
        vision_transformer(TINY_VIT, 8, (0, 1, 2, 3)),
        (32,) * 4,
        size=32,
        stride=8,
    ),
}


def check_architecture(name: str, size: int | None) -> int:
    """The side of the input in pixels, checked.

    Raises:
        ValueError: If there is no such architecture, or the size is not a
            positive multiple of its stride.
    """
    if name not in ARCHITECTURES:
        raise ValueError(
            f'arch: expected one of {list(ARCHITECTURES)}, got {name!r}.'
        )
    arch = ARCHITECTURES[name]
    size = arch.size if size is None else size
    if size < 1 or size % arch.stride:
        raise ValueError(
            f'size: expected a positive multiple of {arch.stride} pixels, '
            f'got {size} (arch {name}). Its usual size is {arch.size}.'
        )
    return size


def build_segmentor(
    name: str, size: int, seed: int, checkpoint: str | None = None
) -> nn.Module:
    """The segmentor in training mode on the CPU.

    Args:
        name: Key of :data:`ARCHITECTURES`.
        size: Side of the input in pixels.
        seed: Seed of the weights.
        checkpoint: Weights of the encoder, in any form MMEngine knows or
            ``weights://NAME``.
    """
    register_all_modules()
    arch = ARCHITECTURES[name]
    backbone = arch.backbone(size)
    if checkpoint is not None:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=checkpoint)
    torch.manual_seed(seed)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=backbone,
            decode_head=light_head(arch.channels),
            train_cfg={},
            test_cfg=dict(mode='whole'),
        )
    )
    model.init_weights()
    return model.train()


def light_head(channels: tuple[int, ...]) -> dict[str, Any]:
    """Config of one 1x1 convolution over all levels, as our models have."""
    return dict(
        type='FCNHead',
        in_channels=list(channels),
        in_index=list(range(len(channels))),
        input_transform='resize_concat',
        channels=128,
        num_convs=1,
        kernel_size=1,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=NUM_CLASSES,
        out_channels=NUM_CLASSES,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )


def synthetic_loss(
    model: nn.Module, size: int, batch: int, seed: int
) -> Callable[[], Tensor]:
    """The training loss of ``model`` over one batch, always the same.

    The images are smooth blobs with noise, the labels where the blobs are
    bright, so that there is something to learn. The batch lies on the device
    of the model.
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, 3, 4, 4, generator=generator)
    blobs = F.interpolate(coarse, (size, size), mode='bicubic')
    noise = torch.randn(batch, 3, size, size, generator=generator)
    images = (blobs + 0.3 * noise).to(device)
    labels = (blobs.sum(dim=1, keepdim=True) > 1).long().to(device)
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels
    ]

    def loss() -> Tensor:
        return model.parse_losses(model.loss(images, samples))[0]

    return loss
