# Copyright (c) gps_seg contributors. Apache-2.0.
"""Encoders of timm that people name, each at the smallest size."""

from dataclasses import dataclass

import pytest

from gps_seg.stack import let_torchvision_import_beside_cpu_torch

_VIT = {'embed_dim': 24, 'depth': 2, 'num_heads': 2}


@dataclass(frozen=True)
class Small:
    """One row: a model of timm made small."""

    model_name: str
    settings: dict
    side: int
    widths: tuple[int, ...] = (24, 24)
    knows_one_size: bool = True

    @property
    def backbone(self):
        """Settings of the backbone in a config."""
        size = {'img_size': self.side} if self.knows_one_size else {}
        return dict(
            type='TimmFeatures',
            model_name=self.model_name,
            out_indices=tuple(range(len(self.widths))),
            **size,
            **self.settings,
        )


FAMILIES = {
    'dinov2': Small('vit_small_patch14_dinov2', _VIT, 28),
    'dinov3': Small('vit_small_patch16_dinov3', _VIT, 32),
    'eva02': Small('eva02_tiny_patch14_224', _VIT, 28),
    'siglip2': Small('vit_base_patch16_siglip_256', _VIT, 32),
    'sam': Small(
        'samvit_base_patch16',
        {**_VIT, 'window_size': 2, 'global_attn_indexes': (1,)},
        32,
    ),
    'convnextv2': Small(
        'convnextv2_atto',
        {'depths': (1, 1, 1, 1), 'dims': (8, 12, 16, 24)},
        64,
        (8, 12, 16, 24),
        knows_one_size=False,
    ),
    'swinv2': Small(
        'swinv2_tiny_window8_256',
        {'embed_dim': 12, 'depths': (1,) * 4, 'num_heads': (1, 2, 3, 4)},
        64,
        (12, 24, 48, 96),
    ),
    'hiera': Small(
        'hiera_tiny_224',
        {'embed_dim': 16, 'num_heads': 1, 'stages': (1, 1, 1, 1)},
        64,
        (16, 32, 64, 128),
    ),
}


def needs_timm():
    """The library; the test is skipped where it is not."""
    let_torchvision_import_beside_cpu_torch()
    return pytest.importorskip(
        'timm', reason="timm is not there: pip install 'gps-seg[encoders]'"
    )
