# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rename ViTs of timm and DINOv2 for MMPretrain's VisionTransformer.

timm's ``vit_*`` and the official DINOv2 files use the same names; DINOv2 has
LayerScale in addition. Every tensor keeps its shape and layout; only names
change.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from gps_seg.models.renaming import (
    ConvertedKey,
    Renaming,
    check_names,
    rename,
)

# A size is a number or one of the letters C (embedding), 3C, F (feed-forward),
# T (tokens) and P (patch side), which are read from the file once.
_STEM = (
    # source                  target                          shape
    ('cls_token', 'cls_token', '1 1 C'),
    ('pos_embed', 'pos_embed', '1 T C'),
    ('patch_embed.proj.weight', 'patch_embed.projection.weight', 'C 3 P P'),
    ('patch_embed.proj.bias', 'patch_embed.projection.bias', 'C'),
    ('norm.weight', 'ln1.weight', 'C'),
    ('norm.bias', 'ln1.bias', 'C'),
)
_BLOCK = (
    # blocks.N.source         layers.N.target                 shape
    ('norm1.weight', 'ln1.weight', 'C'),
    ('norm1.bias', 'ln1.bias', 'C'),
    ('attn.qkv.weight', 'attn.qkv.weight', '3C C'),
    ('attn.qkv.bias', 'attn.qkv.bias', '3C'),
    ('attn.proj.weight', 'attn.proj.weight', 'C C'),
    ('attn.proj.bias', 'attn.proj.bias', 'C'),
    ('ls1.gamma', 'attn.gamma1.weight', 'C'),
    ('norm2.weight', 'ln2.weight', 'C'),
    ('norm2.bias', 'ln2.bias', 'C'),
    ('mlp.fc1.weight', 'ffn.layers.0.0.weight', 'F C'),
    ('mlp.fc1.bias', 'ffn.layers.0.0.bias', 'F'),
    ('mlp.fc2.weight', 'ffn.layers.1.weight', 'C F'),
    ('mlp.fc2.bias', 'ffn.layers.1.bias', 'C'),
    ('ls2.gamma', 'ffn.gamma2.weight', 'C'),
)
# Tensors that the backbone does not have, and why it does not need them.
DROPPED = {'mask_token': 'used in pre-training only'}


@dataclass(frozen=True)
class Family:
    """A kind of ViT, described by the names of its tensors.

    Args:
        title: Description for messages.
        block: Rows of the table above for the tensors of each block.
        dropped: Tensors that MMPretrain does not have -> reason to drop them.
    """

    title: str
    block: tuple[tuple[str, str, str], ...]
    dropped: Mapping[str, str]


DINOV2 = Family(
    'a DINOv2 ViT of timm or DINOv2 (GELU MLP, no register tokens)',
    _BLOCK,
    DROPPED,
)
PLAIN_VIT = Family(
    "timm's ViT without LayerScale (GELU MLP, class token)",
    tuple(row for row in _BLOCK if not row[0].startswith('ls')),
    {
        f'{layer}.{tensor}': 'used by the pre-training classifier only'
        for layer in ('head', 'pre_logits.fc')
        for tensor in ('weight', 'bias')
    },
)

# DINOv2 trained with FSDP stores ``blocks.CHUNK.N``; N counts all blocks.
_BLOCK_NAME = re.compile(r'blocks\.(?:\d+\.)?(\d+)\.(.+)')


def dinov2_to_mmpretrain(
    source: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], list[ConvertedKey]]:
    """Rename a DINOv2 ViT for MMPretrain; see :func:`timm_to_mmpretrain`."""
    return timm_to_mmpretrain(source, DINOV2)


def timm_to_mmpretrain(
    source: Mapping[str, Tensor], family: Family
) -> tuple[dict[str, Tensor], list[ConvertedKey]]:
    """Rename a ViT for MMPretrain, in float32.

    The conversion is strict: each tensor of ``source`` must be renamed or
    dropped for a stated reason, and each tensor of the model must be found.

    Args:
        source: Name -> tensor, under timm's or the official names; any depth
            and width.
        family: Description of the expected names.

    Returns:
        The tensors under MMPretrain's names, and one row per source tensor.

    Raises:
        ValueError: If a tensor is unknown, missing or of a wrong shape, or
            two tensors have one meaning.
    """
    plain_names = {name: _without_chunk(name) for name in source}
    table = _table(_depth(plain_names.values()), family)
    renaming = Renaming(family.title, table, family.dropped)
    check_names(plain_names, renaming)
    sizes = _sizes({plain_names[name]: source[name] for name in source})
    return rename(source, plain_names, renaming, sizes)


def architecture_of(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Sizes for the ``arch`` of MMPretrain's ViT, read from its tensors.

    The number of heads is missing: it does not follow from any shape.
    """
    layers = {
        name.split('.')[1] for name in tensors if name.startswith('layers.')
    }
    return dict(
        embed_dims=tensors['cls_token'].shape[-1],
        num_layers=len(layers),
        feedforward_channels=tensors['layers.0.ffn.layers.0.0.bias'].shape[0],
        patch_size=tensors['patch_embed.projection.weight'].shape[-1],
        img_size=round(math.sqrt(tensors['pos_embed'].shape[1] - 1))
        * tensors['patch_embed.projection.weight'].shape[-1],
    )


def _without_chunk(name: str) -> str:
    match = _BLOCK_NAME.fullmatch(name)
    return f'blocks.{match[1]}.{match[2]}' if match else name


def _depth(names: Iterable[str]) -> int:
    blocks = [m[1] for m in map(_BLOCK_NAME.fullmatch, names) if m]
    return 1 + max(map(int, blocks), default=0)


def _table(depth: int, family: Family) -> dict[str, tuple[str, str]]:
    """Source name -> (target name, shape) for a whole model."""
    table = {source: (target, shape) for source, target, shape in _STEM}
    for n in range(depth):
        for source, target, shape in family.block:
            table[f'blocks.{n}.{source}'] = (f'layers.{n}.{target}', shape)
    return table


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Values of the letters in the table, read from the tensors."""
    width = tensors['cls_token'].shape[-1]
    tokens = tensors['pos_embed'].shape[1]
    if math.isqrt(tokens - 1) ** 2 != tokens - 1:
        raise ValueError(
            'pos_embed: expected 1 + g * g tokens (class token and a square '
            f'grid), got {tokens}. Register tokens are not supported.'
        )
    return {
        'C': width,
        '3C': 3 * width,
        'F': tensors['blocks.0.mlp.fc1.bias'].shape[0],
        'T': tokens,
        'P': tensors['patch_embed.proj.weight'].shape[-1],
    }
