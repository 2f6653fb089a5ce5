# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rename the ``.npz`` files of the ViT's authors for MMPretrain.

Files of google-research/vision_transformer (the original ones and those of
"How to train your ViT", arXiv 2106.10270) come from Flax. A dense kernel has
shape (in, out), a convolution (height, width, in, out); query, key and value
are separate, each (in, heads, out of a head). Here they receive timm's names
and layout; from there on they are converted like any other ViT.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from gps_seg.models.dinov2_names import PLAIN_VIT, timm_to_mmpretrain
from gps_seg.models.renaming import ConvertedKey

_STEM = {
    'cls': 'cls_token',
    'Transformer/posembed_input/pos_embedding': 'pos_embed',
    'embedding/kernel': 'patch_embed.proj.weight',
    'embedding/bias': 'patch_embed.proj.bias',
    'Transformer/encoder_norm/scale': 'norm.weight',
    'Transformer/encoder_norm/bias': 'norm.bias',
    'head/kernel': 'head.weight',
    'head/bias': 'head.bias',
    'pre_logits/kernel': 'pre_logits.fc.weight',
    'pre_logits/bias': 'pre_logits.fc.bias',
}
_ATTENTION = 'MultiHeadDotProductAttention_1'
_BLOCK = {
    'LayerNorm_0/scale': 'norm1.weight',
    'LayerNorm_0/bias': 'norm1.bias',
    f'{_ATTENTION}/out/kernel': 'attn.proj.weight',
    f'{_ATTENTION}/out/bias': 'attn.proj.bias',
    'LayerNorm_2/scale': 'norm2.weight',
    'LayerNorm_2/bias': 'norm2.bias',
    'MlpBlock_3/Dense_0/kernel': 'mlp.fc1.weight',
    'MlpBlock_3/Dense_0/bias': 'mlp.fc1.bias',
    'MlpBlock_3/Dense_1/kernel': 'mlp.fc2.weight',
    'MlpBlock_3/Dense_1/bias': 'mlp.fc2.bias',
}
_BLOCK_NAME = re.compile(r'Transformer/encoderblock_(\d+)/(.+)')
_FIRST_OF_THREE = re.compile(rf'(.*{_ATTENTION})/query/(kernel|bias)')


def augreg_to_mmpretrain(
    source: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], list[ConvertedKey]]:
    """Rename a ViT of an ``.npz`` file for MMPretrain, in float32.

    Args:
        source: Name -> array of the file.

    Returns:
        The tensors under MMPretrain's names, and one row per tensor of
        :func:`augreg_to_timm`.

    Raises:
        ValueError: If an array is unknown, missing or of a wrong shape.
    """
    return timm_to_mmpretrain(augreg_to_timm(source), PLAIN_VIT)


def augreg_to_timm(source: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same numbers under timm's names, in PyTorch's layout.

    Unknown arrays keep their names; the next step refuses them.

    Args:
        source: Name -> array of the file.
    """
    tensors = {}
    rest = dict(source)
    for name in source:
        match = _FIRST_OF_THREE.fullmatch(name)
        parts = _query_key_value(name) if match else []
        if match and all(part in source for part in parts):
            block = _timm_block(match[1])
            kind = 'weight' if match[2] == 'kernel' else 'bias'
            tensors[f'{block}attn.qkv.{kind}'] = torch.cat(
                [_rows(rest.pop(part), kind) for part in parts]
            )
    for name, array in rest.items():
        timm_name = _timm_name(name)
        tensors[timm_name] = _in_torch_layout(name, array).contiguous()
    return tensors


def _query_key_value(query: str) -> list[str]:
    """Names of the three arrays that timm joins into one."""
    return [
        query.replace('/query/', f'/{p}/') for p in ('query', 'key', 'value')
    ]


def _rows(array: Tensor, kind: str) -> Tensor:
    """(in, heads, out of a head) -> (out, in), or (heads, ...) -> (out,)."""
    return array.flatten(1).T if kind == 'weight' else array.flatten()


def _timm_block(name: str) -> str:
    match = _BLOCK_NAME.match(name)
    return f'blocks.{match[1]}.' if match else ''


def _timm_name(name: str) -> str:
    match = _BLOCK_NAME.fullmatch(name)
    if match is None:
        return _STEM.get(name, name)
    inner = _BLOCK.get(match[2])
    return name if inner is None else f'blocks.{match[1]}.{inner}'


def _in_torch_layout(name: str, array: Tensor) -> Tensor:
    if not name.endswith('/kernel'):
        return array
    if name == 'embedding/kernel' and array.ndim == 4:
        return array.permute(3, 2, 0, 1)
    if name.endswith('/out/kernel') and array.ndim == 3:
        return array.flatten(0, 1).T  # (heads, in of a head, out)
    return array.T if array.ndim == 2 else array
