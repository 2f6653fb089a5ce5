# Copyright (c) gps_seg contributors. Apache-2.0.
"""Four encoders of OpenMMLab at a small size, in a model with a head."""

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import nn

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.models import ConvNeXt  # noqa: E402
from mmpretrain.models import VisionTransformer as PretrainViT  # noqa: E402
from mmseg.models.backbones import SwinTransformer  # noqa: E402
from mmseg.models.backbones import VisionTransformer as SegViT  # noqa: E402

#: Encoder -> function that builds it, for images of 32 x 32 pixels.
ENCODERS: dict[str, Callable[[], nn.Module]] = {
    'mmseg ViT': lambda: SegViT(
        img_size=(32, 32),
        patch_size=8,
        embed_dims=16,
        num_layers=3,
        num_heads=2,
        out_indices=-1,
        final_norm=True,
    ),
    'mmseg Swin': lambda: SwinTransformer(
        embed_dims=8,
        depths=(1, 2),
        num_heads=(1, 2),
        strides=(4, 2),
        window_size=4,
        out_indices=(0, 1),
        drop_path_rate=0.0,
    ),
    'mmpretrain ViT': lambda: PretrainViT(
        arch=dict(
            embed_dims=16,
            num_layers=3,
            num_heads=2,
            feedforward_channels=32,
        ),
        img_size=32,
        patch_size=8,
        out_type='featmap',
    ),
    'mmpretrain ConvNeXt': lambda: ConvNeXt(
        arch=dict(depths=[1, 2], channels=[8, 16]),
        out_indices=(0, 1),
        gap_before_final_norm=False,
    ),
}


def small_task(encoder: str) -> SimpleNamespace:
    """A model with random values, and a loss that all of them affect.

    Args:
        encoder: Key of :data:`ENCODERS`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.ModuleDict(
            {'backbone': ENCODERS[encoder](), 'head': nn.LazyConv2d(2, 1)}
        )
        images = torch.randn(2, 3, 32, 32)
        model['head'](model['backbone'](images)[-1])  # sets its channels
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)

    def loss() -> torch.Tensor:
        *earlier, last = model['backbone'](images)
        terms = [*earlier, model['head'](last)]
        return sum((t.square().mean() for t in terms), images.new_zeros(()))

    return SimpleNamespace(model=model, loss=loss)
