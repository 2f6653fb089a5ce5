# Copyright (c) gps_seg contributors. Apache-2.0.
"""Small encoders of five families, and one of plain linear layers.

Each stands in a model with a linear head on the means of its feature maps.
The weights are drawn so that every tensor has a part in the output.
"""

import copy
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from mmengine.model import BaseModel
from torch import nn
from torch.nn import functional as F

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.models import ConvNeXt, ViTSAM  # noqa: E402
from mmpretrain.models import VisionTransformer as PretrainViT  # noqa: E402
from mmseg.models.backbones import SwinTransformer  # noqa: E402
from mmseg.models.backbones import VisionTransformer as SegViT  # noqa: E402

IMAGE = 8


class LinearLayers(nn.Module):
    """An encoder without attention, norms and blocks."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3 * IMAGE**2, 8)
        self.second = nn.Linear(8, 8)

    def forward(self, x):
        x = self.second(self.first(x.flatten(1)).relu())
        return (x[:, :, None, None],)


class SmallModel(BaseModel):
    """An encoder, and a head on the means of its feature maps."""

    def __init__(self, backbone, channels):
        super().__init__()
        self.backbone = backbone
        self.decode_head = nn.Linear(channels, 2)

    def init_weights(self):
        """Keep the weights that were drawn."""

    def forward(self, x, y=None, mode='tensor'):
        means = [one.mean((2, 3)) for one in self.backbone(x)]
        logits = self.decode_head(torch.cat(means, 1))
        if mode == 'loss':
            return {'loss': F.cross_entropy(logits.float(), y)}
        return logits


@dataclass(frozen=True)
class Encoder:
    """What is known of a small encoder, for formulas of numbers.

    Args:
        build: Function that builds it; takes ``with_cp`` if it has it.
        channels: Sum of the channels of its feature maps.
        blocks: Width, and hidden width of the MLP, of each block.
        attention: Whether the blocks have attention.
        prefix: Number of class tokens in the blocks; None without tokens.
        with_cp: Whether it can recompute its blocks in the backward pass.
    """

    build: Callable[..., nn.Module]
    channels: int
    blocks: tuple[tuple[int, int], ...] = ()
    attention: bool = False
    prefix: int | None = None
    with_cp: bool = True

    @functools.cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of its parameters, by name."""
        named = self.build().named_parameters()
        return {name: tuple(p.shape) for name, p in named}

    @property
    def norms(self) -> dict[str, tuple[int, ...]]:
        """Scales and shifts of its norms: only their weight is a vector."""
        scales = {n for n, s in self._named('weight').items() if len(s) == 1}
        owners = {name.removesuffix('.weight') for name in scales}
        return {
            name: shape
            for name, shape in self.shapes.items()
            if name.rpartition('.')[0] in owners
        }

    @property
    def biases(self) -> dict[str, tuple[int, ...]]:
        """Biases of what is not a norm."""
        named = self._named('bias').items()
        return {n: s for n, s in named if n not in self.norms}

    @property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """Weights of its linear maps and convolutions."""
        named = self._named('weight').items()
        return {n: s for n, s in named if len(s) > 1}

    @property
    def matrices(self) -> dict[str, tuple[int, ...]]:
        """Weights of its linear maps."""
        return {n: s for n, s in self.weights.items() if len(s) == 2}

    def _named(self, end: str) -> dict[str, tuple[int, ...]]:
        named = self.shapes.items()
        return {name: shape for name, shape in named if name.endswith(end)}


def seg_vit(**others):
    return SegViT(
        img_size=IMAGE,
        patch_size=4,
        embed_dims=8,
        num_layers=2,
        num_heads=2,
        mlp_ratio=2,
        out_indices=(1,),
        **others,
    )


def pretrain_vit():
    sizes = {'embed_dims': 8, 'num_layers': 2, 'num_heads': 2}
    return PretrainViT(
        {**sizes, 'feedforward_channels': 16},
        img_size=IMAGE,
        patch_size=4,
        out_type='featmap',
    )


def sam():
    """A block with windows that reach over the image, and a global one."""
    sizes = {'embed_dims': 8, 'num_layers': 2, 'num_heads': 2}
    return ViTSAM(
        {**sizes, 'feedforward_channels': 16, 'global_attn_indexes': [1]},
        img_size=IMAGE,
        patch_size=2,
        window_size=3,
        out_channels=8,
    )


def swin(**others):
    return SwinTransformer(
        pretrain_img_size=IMAGE,
        embed_dims=8,
        patch_size=2,
        window_size=2,
        mlp_ratio=2,
        depths=(2, 2),
        num_heads=(2, 2),
        strides=(2, 2),
        out_indices=(0, 1),
        drop_path_rate=0.0,
        **others,
    )


def convnext(**others):
    return ConvNeXt(
        {'depths': [1, 1], 'channels': [8, 16]},
        stem_patch_size=2,
        out_indices=(0, 1),
        gap_before_final_norm=False,
        **others,
    )


VIT = {'blocks': ((8, 16),) * 2, 'attention': True, 'prefix': 1}
ENCODERS: Mapping[str, Encoder] = {
    'seg_vit': Encoder(seg_vit, 8, **VIT),
    'pretrain_vit': Encoder(pretrain_vit, 8, **VIT, with_cp=False),
    'sam': Encoder(sam, 8, VIT['blocks'], True, with_cp=False),
    'swin': Encoder(swin, 24, ((8, 16),) * 2 + ((16, 32),) * 2, True),
    'convnext': Encoder(convnext, 24, ((8, 32), (16, 64))),
    'linear_layers': Encoder(LinearLayers, 8, with_cp=False),
}


@functools.cache
def _drawn(name: str, **others: bool) -> nn.Module:
    encoder = ENCODERS[name]
    model = SmallModel(encoder.build(**others), encoder.channels)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            one = float(parameter.ndim == 1 and not name.endswith('bias'))
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(one + 0.3 * noise)
    return model


def small_model(name: str, **others: bool) -> nn.Module:
    """A model with the encoder of a name, in float32; always the same."""
    return copy.deepcopy(_drawn(name, **others))


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Images in float64, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(4, 3, IMAGE, IMAGE, generator=generator)
    return images.double(), torch.tensor([0, 1, 1, 0])
