# Copyright (c) gps_seg contributors. Apache-2.0.
"""The segmentors that are measured, and a batch of synthetic data for each.

Encoders come from the registries of MMPretrain and MMSegmentation. The head is
as light as possible: the methods differ in the encoder, which should dominate
the cost. Weights are random unless a checkpoint is given: the cost of a step
depends on shapes and on the number of selected columns, which is recorded.
Dropout and stochastic depth are off, so all methods do the same work.
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
        backbone: Function from the side of the square input, in pixels, to the
            config of the encoder.
        channels: Numbers of channels of the four levels that the head reads.
        size: Default side of the input in pixels.
        stride: Divisor of the side, in pixels.
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


def swin_tiny(_size: int) -> dict[str, Any]:
    """Config of MMSegmentation's Swin-T, which accepts inputs of any size."""
    return dict(type='SwinTransformer', drop_path_rate=0.0)


TINY_VIT = dict(
    embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64
)
LEVELS = (2, 5, 8, 11)
ARCHITECTURES: Mapping[str, Architecture] = {
    # LayerScale of 1 as in trained models. DINOv2's initial 1e-5 would switch
    # the blocks off.
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
    # To try the benchmark in seconds.
    'tiny': Architecture(
        vision_transformer(TINY_VIT, 8, (0, 1, 2, 3)),
        (32,) * 4,
        size=32,
        stride=8,
    ),
}


def check_architecture(name: str, size: int | None) -> int:
    """Check the name of an architecture and the size of its input.

    Args:
        name: Key of :data:`ARCHITECTURES`.
        size: Side of the input in pixels; None for the default.

    Returns:
        The side of the input in pixels.

    Raises:
        ValueError: If there is no such architecture, or the size is not a
            positive multiple of its stride.

    Example:
        >>> check_architecture('tiny', None)
        32
    """
    if name not in ARCHITECTURES:
        raise ValueError(
            f'arch: expected one of {", ".join(ARCHITECTURES)}, got {name!r}.'
        )
    arch = ARCHITECTURES[name]
    size = arch.size if size is None else size
    if size < 1 or size % arch.stride:
        raise ValueError(
            f'size: expected a positive multiple of {arch.stride} pixels, '
            f'got {size} (arch {name}). The default is {arch.size}.'
        )
    return size


def build_segmentor(
    name: str, size: int, seed: int, checkpoint: str | None = None
) -> nn.Module:
    """Build a segmentor in training mode on the CPU.

    Args:
        name: Key of :data:`ARCHITECTURES`.
        size: Side of the input in pixels.
        seed: Seed of the weights.
        checkpoint: Weights of the encoder, ``weights://NAME`` or any form of
            MMEngine; None for random weights.
    """
    register_all_modules()
    arch = ARCHITECTURES[name]
    backbone = arch.backbone(size)
    if checkpoint is not None:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=checkpoint)
    return segmentor_of(backbone, arch.channels, seed)


def segmentor_of(
    backbone: dict[str, Any], channels: tuple[int, ...], seed: int
) -> nn.Module:
    """Build a segmentor with the light head, in training mode on the CPU.

    Args:
        backbone: Config of the encoder.
        channels: Numbers of channels of the levels that the head reads.
        seed: Seed of the weights.
    """
    torch.manual_seed(seed)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=backbone,
            decode_head=light_head(channels),
            train_cfg={},
            test_cfg=dict(mode='whole'),
        )
    )
    model.init_weights()
    return model.train()


def light_head(channels: tuple[int, ...]) -> dict[str, Any]:
    """Config of a 1x1 convolution over all levels, as in our configs."""
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
    """The training loss of ``model`` as a function of a fixed batch.

    Images are smooth blobs with noise; the label is 1 where a blob is bright,
    so there is something to learn. The batch is on the device of the model.

    Args:
        model: Segmentor in training mode.
        size: Side of the images in pixels.
        batch: Number of images.
        seed: Seed of the images.
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
