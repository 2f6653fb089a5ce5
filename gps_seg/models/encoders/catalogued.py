# Copyright (c) gps_seg contributors. Apache-2.0.
"""The encoders of the catalogue of weights, with MMPretrain's backbones."""

from collections.abc import Mapping
from typing import Any

from gps_seg.models.encoders.encoder import Encoder
from gps_seg.models.weights import SCHEME

IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_HALF = (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)
_NUM_MAPS = 4


def quarters(depth: int) -> tuple[int, ...]:
    """The last block of each quarter of a plain ViT.

    Args:
        depth: Number of blocks, at least four.

    Example:
        >>> quarters(12)
        (2, 5, 8, 11)
    """
    return tuple(
        depth * part // _NUM_MAPS - 1 for part in range(1, _NUM_MAPS + 1)
    )


def _pretrained(name: str, **settings: Any) -> dict[str, Any]:
    weights = f'{SCHEME}{name}'
    return dict(type='Pretrained', checkpoint=weights, **settings)


def _dinov2(size: str, arch: str, width: int, depth: int) -> Encoder:
    name = f'vit-{size}-p14_dinov2'
    return _vit(
        name,
        f'DINOv2 ViT-{size[0].upper()}/14',
        dict(arch=arch, patch_size=14, layer_scale_init_value=1e-5),
        width,
        depth,
        *IMAGENET,
    )


def _augreg(size: str, width: int, depth: int) -> Encoder:
    return _vit(
        f'vit-{size}-p16_in21k',
        f'ViT-{size[0].upper()}/16 of ImageNet-21k',
        dict(arch=size, patch_size=16),
        width,
        depth,
        *_HALF,
    )


def _vit(
    name: str,
    title: str,
    settings: Mapping[str, Any],
    width: int,
    depth: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
) -> Encoder:
    backbone = dict(
        type='mmpretrain.VisionTransformer',
        out_type='featmap',
        **settings,
        out_indices=quarters(depth),
        interpolate_mode='bicubic',
        init_cfg=_pretrained(name),
    )
    return Encoder(
        name=name,
        title=title,
        backbone=backbone,
        channels=(width,) * _NUM_MAPS,
        patch=settings['patch_size'],
        one_size=True,
        mean=mean,
        std=std,
        weights=f'{SCHEME}{name}',
        licence='apache-2.0',
    )


def _sam(size: str) -> Encoder:
    name, width = f'sam-vit-{size}', 256  # of its neck
    backbone = dict(
        type='mmpretrain.ViTSAM',
        arch=size,
        patch_size=16,
        out_channels=width,
        window_size=14,
        init_cfg=_pretrained(name, prefix='backbone'),
    )
    mean, std = IMAGENET
    return Encoder(
        name=name,
        title=f'SAM ViT-{size[0].upper()}/16',
        backbone=backbone,
        channels=(width,),
        patch=16,
        one_size=True,
        mean=mean,
        std=std,
        weights=f'{SCHEME}{name}',
        licence='apache-2.0',
    )


#: By the names of :data:`gps_seg.models.catalogue.DOWNLOADS`.
CATALOGUED: Mapping[str, Encoder] = {
    encoder.name: encoder
    for encoder in (
        _dinov2('small', 'dinov2-small', 384, 12),
        _dinov2('base', 'base', 768, 12),
        _dinov2('large', 'large', 1024, 24),
        _augreg('base', 768, 12),
        _augreg('large', 1024, 24),
        _sam('base'),
        _sam('large'),
        _sam('huge'),
    )
}
