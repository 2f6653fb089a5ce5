# Copyright (c) gps_seg contributors. Apache-2.0.
"""Encoders of timm, described by what timm knows about them."""

from collections.abc import Sequence
from typing import Any

import torch

from gps_seg.models.encoders.catalogued import quarters
from gps_seg.models.encoders.encoder import Encoder
from gps_seg.models.timm_backbone.building import check_name, create
from gps_seg.models.timm_backbone.importing import timm_library
from gps_seg.models.timm_backbone.loading import TIMM

PREFIX = 'timm:'
#: Those that people name, for suggestions and lists; any other works, too.
NAMED: tuple[str, ...] = tuple(
    f'{PREFIX}{name}'
    for name in (
        'vit_small_patch14_dinov2.lvd142m',
        'vit_base_patch14_dinov2.lvd142m',
        'vit_large_patch14_dinov2.lvd142m',
        'vit_small_patch16_dinov3.lvd1689m',
        'vit_base_patch16_dinov3.lvd1689m',
        'vit_large_patch16_dinov3.lvd1689m',
        'eva02_small_patch14_224.mim_in22k',
        'eva02_base_patch14_224.mim_in22k',
        'eva02_large_patch14_224.mim_m38m',
        'vit_base_patch16_siglip_256.v2_webli',
        'vit_large_patch16_siglip_256.v2_webli',
        'samvit_base_patch16.sa1b',
        'samvit_large_patch16.sa1b',
        'convnextv2_tiny.fcmae_ft_in22k_in1k',
        'convnextv2_base.fcmae_ft_in22k_in1k',
        'swinv2_tiny_window8_256.ms_in1k',
        'swinv2_base_window12_192.ms_in22k',
        'hiera_small_224.mae',
        'hiera_base_224.mae',
    )
)
#: Larger numbers of feature maps are those of blocks, not of stages.
_MOST_STAGES = 6
_MOST_MAPS = 4


def timm_encoder(name: str) -> Encoder:
    """Describe a pretrained encoder of timm; its weights are not loaded.

    Args:
        name: Name in timm, with or without the tag of its weights.

    Raises:
        ImportError: If timm is not installed.
        ValueError: If timm has no such model or no weights for it, or the
            model gives no feature maps.
    """
    check_name(name)
    facts = timm_library().models.get_pretrained_cfg(name)
    if facts is None or not facts.has_weights:
        raise ValueError(
            f'{PREFIX}{name}: expected a model with pretrained weights, got '
            'one without. timm.list_models(pretrained=True) lists the others.'
        )
    architecture = name.partition('.')[0]
    full = f'{architecture}.{facts.tag}' if facts.tag else architecture
    with torch.device('meta'):  # no memory, and nothing is drawn
        model = create(architecture, {})
    maps, indices = _maps_of(model)
    return Encoder(
        name=f'{PREFIX}{full}',
        title=f'{full} of timm',
        backbone=dict(
            type='TimmFeatures',
            model_name=architecture,
            out_indices=indices,
            init_cfg=dict(type='Pretrained', checkpoint=f'{TIMM}{full}'),
        ),
        channels=tuple(each['num_chs'] for each in maps),
        patch=max(each['reduction'] for each in maps),
        one_size=facts.fixed_input_size,
        mean=_in_pixels(facts.mean),
        std=_in_pixels(facts.std),
        weights=f'{TIMM}{full}',
        licence=facts.license,
    )


def _maps_of(model: Any) -> tuple[list[dict[str, Any]], tuple[int, ...]]:
    """What is known of the feature maps to use, and their indices."""
    known = list(model.feature_info)
    if len(known) > _MOST_STAGES:
        indices = quarters(len(known))
    else:
        indices = tuple(range(len(known)))[-_MOST_MAPS:]
    return [known[index] for index in indices], indices


def _in_pixels(values: Sequence[float]) -> tuple[float, float, float]:
    """Values of pixels between 0 and 255."""
    red, green, blue = (round(255 * value, 3) for value in values)
    return red, green, blue
