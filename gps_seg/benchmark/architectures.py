# Copyright (c) gps_seg contributors. Apache-2.0.
"""The segmentors that are measured, and a batch of synthetic data for each.

The head is as light as possible, unless the architecture has one of its own:
the methods differ in the encoder, which should dominate the cost. Weights are
random unless a checkpoint is given: the cost of a step depends on shapes and
on the number of selected columns, which is recorded.
"""

from collections.abc import Callable, Mapping
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
from gps_seg.benchmark.hosts import ARCHITECTURES
from gps_seg.execution.compiled import use_plain_numbers
from gps_seg.models.quiet_init import init_quietly

#: Name of the encoder in the segmentor.
ENCODER = 'backbone'
NUM_CLASSES = 2


def build_segmentor(
    name: str,
    size: int,
    seed: int,
    checkpoint: str | None = None,
    **settings: Any,
) -> nn.Module:
    """Build a segmentor in training mode on the CPU.

    Args:
        name: Key of :data:`~gps_seg.benchmark.hosts.ARCHITECTURES`.
        size: Side of the input in pixels.
        seed: Seed of the weights.
        checkpoint: Weights of the encoder, ``weights://NAME`` or any form of
            MMEngine; None for random weights.
        **settings: Further settings of the encoder, such as ``with_cp``.
    """
    register_all_modules()
    arch = ARCHITECTURES[name]
    backbone = arch.backbone(size) | settings
    if checkpoint is not None:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=checkpoint)
    return segmentor_of(backbone, arch.head or light_head(arch.channels), seed)


def segmentor_of(
    backbone: Mapping[str, Any], head: Mapping[str, Any], seed: int
) -> nn.Module:
    """Build a segmentor of two classes, in training mode on the CPU.

    Args:
        backbone: Config of the encoder.
        head: Config of the head, apart from classes and loss.
        seed: Seed of the weights.
    """
    torch.manual_seed(seed)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=backbone,
            decode_head=dict(
                **head,
                num_classes=NUM_CLASSES,
                out_channels=NUM_CLASSES,
                align_corners=False,
                loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
            ),
            train_cfg={},
            test_cfg=dict(mode='whole'),
        )
    )
    init_quietly(model)
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
        norm_cfg=dict(type='BN'),
    )


def synthetic_loss(
    model: nn.Module,
    size: int,
    batch: int,
    seed: int,
    *,
    half: bool = False,
    compiled: bool = False,
) -> Callable[[], Tensor]:
    """The training loss of ``model`` as a function of a fixed batch.

    Images are smooth blobs with noise; the label is 1 where a blob is bright,
    so there is something to learn. The batch is on the device of the model.

    Args:
        model: Segmentor in training mode.
        size: Side of the images in pixels.
        batch: Number of images.
        seed: Seed of the images.
        half: Whether the forward pass runs under bfloat16 autocast.
        compiled: Whether ``torch.compile`` compiles encoder and head.
    """
    device = next(model.parameters()).device
    images, labels = synthetic_batch(size, batch, seed)
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=label))
        for label in labels.to(device)
    ]
    logits = forward_of(model, images, half=half, compiled=compiled)

    def loss() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            losses = model.decode_head.loss_by_feat(logits(), samples)
        return model.parse_losses(losses)[0]

    return loss


def forward_of(
    model: nn.Module,
    images: Tensor,
    *,
    half: bool = False,
    compiled: bool = False,
) -> Callable[[], Tensor]:
    """The logits of a fixed batch as a function.

    Args:
        model: Segmentor in training or evaluation mode.
        images: Batch of shape ``(batch, 3, size, size)``.
        half: Whether it runs under bfloat16 autocast.
        compiled: Whether ``torch.compile`` compiles encoder and head.
    """
    device = next(model.parameters()).device
    images = images.to(device)

    def logits() -> Tensor:
        result: Tensor = model.decode_head(model.backbone(images))
        return result

    if compiled:
        use_plain_numbers(model)  # as in a run with `compile`
    run = torch.compile(logits) if compiled else logits

    def forward() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            return run()

    return forward


def synthetic_batch(
    size: int, batch: int, seed: int
) -> tuple[Tensor, Tensor]:  # shapes: (batch, 3, size, size), (batch, 1, ...)
    """Images and labels on the CPU; see :func:`synthetic_loss`.

    Args:
        size: Side of the images in pixels.
        batch: Number of images.
        seed: Seed of the images.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, 3, 4, 4, generator=generator)
    blobs = F.interpolate(coarse, (size, size), mode='bicubic')
    noise = torch.randn(batch, 3, size, size, generator=generator)
    labels = (blobs.sum(dim=1, keepdim=True) > 1).long()
    return blobs + 0.3 * noise, labels
