# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rename the official files of SAM for a segmentor.

The image encoder becomes MMPretrain's ``ViTSAM``, the mask decoder the
``SAMHead``. Every tensor keeps its shape and layout; only names change. What
serves prompts (points, boxes, masks) is dropped: a segmentor has none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

from gps_seg.models.renaming import (
    ANY,
    ConvertedKey,
    Renaming,
    check_names,
    rename,
)

_DECODER = 'decode_head.mask_decoder'
_MLPS = 'output_hypernetworks_mlps'
Row = tuple[str, str, str]  # name in the file, name in the model, shape

# Sizes in shapes. Encoder: C width, D that of an attention head, F that of the
# feed-forward layers, P side of a patch. Decoder: N width, with a half A, a
# quarter Q and an eighth E; H width of the feed-forward layers, I that of the
# head for the quality, M number of mask tokens.
_STEM: tuple[Row, ...] = (
    ('pos_embed', 'pos_embed', f'1 {ANY} {ANY} C'),
    ('patch_embed.proj.weight', 'patch_embed.projection.weight', 'C 3 P P'),
    ('patch_embed.proj.bias', 'patch_embed.projection.bias', 'C'),
    ('neck.0.weight', 'channel_reduction.0.weight', 'N C 1 1'),
    ('neck.1.weight', 'channel_reduction.1.weight', 'N'),
    ('neck.1.bias', 'channel_reduction.1.bias', 'N'),
    ('neck.2.weight', 'channel_reduction.2.weight', 'N N 3 3'),
    ('neck.3.weight', 'channel_reduction.3.weight', 'N'),
    ('neck.3.bias', 'channel_reduction.3.bias', 'N'),
)
_BLOCK: tuple[Row, ...] = (
    ('norm1.weight', 'ln1.weight', 'C'),
    ('norm1.bias', 'ln1.bias', 'C'),
    ('attn.rel_pos_h', 'attn.rel_pos_h', f'{ANY} D'),
    ('attn.rel_pos_w', 'attn.rel_pos_w', f'{ANY} D'),
    ('attn.qkv.weight', 'attn.qkv.weight', '3C C'),
    ('attn.qkv.bias', 'attn.qkv.bias', '3C'),
    ('attn.proj.weight', 'attn.proj.weight', 'C C'),
    ('attn.proj.bias', 'attn.proj.bias', 'C'),
    ('norm2.weight', 'ln2.weight', 'C'),
    ('norm2.bias', 'ln2.bias', 'C'),
    ('mlp.lin1.weight', 'ffn.layers.0.0.weight', 'F C'),
    ('mlp.lin1.bias', 'ffn.layers.0.0.bias', 'F'),
    ('mlp.lin2.weight', 'ffn.layers.1.weight', 'C F'),
    ('mlp.lin2.bias', 'ffn.layers.1.bias', 'C'),
)
_NO_PROMPT: tuple[Row, ...] = (
    (
        'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix',
        'decode_head.frequencies',
        '2 A',
    ),
    (
        'prompt_encoder.no_mask_embed.weight',
        'decode_head.no_mask_embed.weight',
        '1 N',
    ),
)
_TOKENS: tuple[Row, ...] = (
    ('iou_token.weight', 'iou_token.weight', '1 N'),
    ('mask_tokens.weight', 'mask_tokens.weight', 'M N'),
)
DROPPED = {
    f'prompt_encoder.{name}': 'used with prompts only'
    for name in (
        *(f'point_embeddings.{n}.weight' for n in range(4)),
        'not_a_point_embed.weight',
        *(
            f'mask_downscaling.{n}.{kind}'
            for n in (0, 1, 3, 4, 6)
            for kind in ('weight', 'bias')
        ),
    )
}
_BLOCK_NAME = re.compile(r'image_encoder\.blocks\.(\d+)\.')
_LAYER_NAME = re.compile(r'mask_decoder\.transformer\.layers\.(\d+)\.')
_MASK_NAME = re.compile(rf'mask_decoder\.{_MLPS}\.(\d+)\.')


def sam_to_mmseg(
    source: Mapping[str, Tensor], classes: int = 1
) -> tuple[dict[str, Tensor], list[ConvertedKey]]:
    """Rename a whole SAM, in float32.

    With several classes each gets a copy of the token and the hypernetwork of
    the official single mask, in place of the three for ambiguous prompts.

    Args:
        source: Name -> tensor of an official file, such as
            ``sam_vit_b_01ec64.pth``; any depth and width.
        classes: Number of masks of the segmentor.

    Returns:
        The tensors under the names of an ``EncoderDecoder`` with ``ViTSAM``
        and ``SAMHead``, and one row per tensor of the file.

    Raises:
        ValueError: If a tensor is unknown, missing or of a wrong shape.
    """
    names = {name: name for name in source}
    table = {name: (target, shape) for name, target, shape in _rows(source)}
    renaming = Renaming('a SAM (ViT-B, L or H)', table, DROPPED)
    check_names(names, renaming)
    tensors, report = rename(source, names, renaming, _sizes(source))
    if classes > 1:
        return _with_a_mask_per_class(tensors, classes), report
    return tensors, report


def sam_architecture(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Sizes of a converted SAM, read from its tensors."""
    pixels = tensors['backbone.patch_embed.projection.weight'].shape[-1]
    width = tensors['backbone.pos_embed'].shape[-1]
    head_width = tensors['backbone.layers.0.attn.rel_pos_h'].shape[-1]
    layers = {name.split('.')[2] for name in tensors if '.ffn.' in name}
    return dict(
        embed_dims=width,
        num_layers=len(layers),
        num_heads=width // head_width,
        patch_size=pixels,
        img_size=tensors['backbone.pos_embed'].shape[1] * pixels,
    )


def _with_a_mask_per_class(
    tensors: Mapping[str, Tensor], classes: int
) -> dict[str, Tensor]:
    tokens = f'{_DECODER}.mask_tokens.weight'
    single = re.compile(rf'{_DECODER}\.{_MLPS}\.0\.(.+)')
    result = {
        name: tensor
        for name, tensor in tensors.items()
        if f'.{_MLPS}.' not in name
    }
    result[tokens] = tensors[tokens][:1].repeat(1 + classes, 1)
    for name, tensor in tensors.items():
        if match := single.fullmatch(name):
            for n in range(1 + classes):
                result[f'{_DECODER}.{_MLPS}.{n}.{match[1]}'] = tensor.clone()
    # The quality of each mask: predicted in SAM, unused in a segmentor.
    for kind in ('weight', 'bias'):
        quality = f'{_DECODER}.iou_prediction_head.proj_out.{kind}'
        one = tensors[quality][:1]
        result[quality] = one.repeat(1 + classes, *[1] * (one.ndim - 1))
    return result


def _rows(names: Iterable[str]) -> Iterator[Row]:
    """All tensors that a file of this depth must have."""
    names = list(names)
    yield from _under('image_encoder', 'backbone', _STEM)
    for n in range(_count(_BLOCK_NAME, names)):
        yield from _under(
            f'image_encoder.blocks.{n}', f'backbone.layers.{n}', _BLOCK
        )
    yield from _NO_PROMPT
    yield from _under(
        'mask_decoder',
        _DECODER,
        _decoder(_count(_LAYER_NAME, names), _count(_MASK_NAME, names)),
    )


def _decoder(num_layers: int, num_masks: int) -> Iterator[Row]:
    yield from _TOKENS
    for n in range(num_layers):
        layer = f'transformer.layers.{n}'
        yield from _under(layer, layer, _decoder_layer())
    final = 'transformer.final_attn_token_to_image'
    yield from _under(final, final, _attention('A'))
    yield from _affine(
        'transformer.norm_final_attn', 'transformer.layer_norm_final_attn'
    )
    yield from _affine('output_upscaling.0', 'upscale_conv1', 'N Q 2 2', 'Q')
    yield from _affine('output_upscaling.1', 'upscale_layer_norm', 'Q', 'Q')
    yield from _affine('output_upscaling.3', 'upscale_conv2', 'Q E 2 2', 'E')
    for n in range(num_masks):
        mlp = f'{_MLPS}.{n}'
        yield from _under(mlp, mlp, _three_layers('N', 'E'))
    quality = 'iou_prediction_head'
    yield from _under(quality, quality, _three_layers('I', 'M'))


def _decoder_layer() -> Iterator[Row]:
    for name, inner in (
        ('self_attn', 'N'),
        ('cross_attn_token_to_image', 'A'),
        ('cross_attn_image_to_token', 'A'),
    ):
        yield from _under(name, name, _attention(inner))
    for n in range(1, 5):
        yield from _affine(f'norm{n}', f'layer_norm{n}')
    yield from _affine('mlp.lin1', 'mlp.lin1', 'H N', 'H')
    yield from _affine('mlp.lin2', 'mlp.lin2', 'N H', 'N')


def _attention(inner: str) -> Iterator[Row]:
    for part in ('q_proj', 'k_proj', 'v_proj'):
        yield from _affine(part, part, f'{inner} N', inner)
    yield from _affine('out_proj', 'out_proj', f'N {inner}', 'N')


def _three_layers(inner: str, out: str) -> Iterator[Row]:
    yield from _affine('layers.0', 'proj_in', f'{inner} N', inner)
    yield from _affine('layers.1', 'layers.0', f'{inner} {inner}', inner)
    yield from _affine('layers.2', 'proj_out', f'{out} {inner}', out)


def _affine(
    source: str, target: str, weight: str = 'N', bias: str = 'N'
) -> Iterator[Row]:
    yield f'{source}.weight', f'{target}.weight', weight
    yield f'{source}.bias', f'{target}.bias', bias


def _under(source: str, target: str, rows: Iterable[Row]) -> Iterator[Row]:
    for inner_source, inner_target, shape in rows:
        yield f'{source}.{inner_source}', f'{target}.{inner_target}', shape


def _count(pattern: re.Pattern[str], names: Iterable[str]) -> int:
    """One more than the highest number in a name, but at least 1."""
    numbers = [int(m[1]) for name in names if (m := pattern.match(name))]
    return 1 + max(numbers, default=0)


def _sizes(source: Mapping[str, Tensor]) -> dict[str, int]:
    """Values of the letters in the shapes, read from the tensors."""
    decoder, block = 'mask_decoder', 'image_encoder.blocks.0'
    patch = source['image_encoder.patch_embed.proj.weight']
    width = source[f'{decoder}.iou_token.weight'].shape[-1]
    layer = f'{decoder}.transformer.layers.0'
    return {
        'C': patch.shape[0],
        '3C': 3 * patch.shape[0],
        'P': patch.shape[-1],
        'D': source[f'{block}.attn.rel_pos_h'].shape[-1],
        'F': source[f'{block}.mlp.lin1.bias'].shape[0],
        'N': width,
        'A': width // 2,
        'Q': width // 4,
        'E': width // 8,
        'H': source[f'{layer}.mlp.lin1.bias'].shape[0],
        'I': source[f'{decoder}.iou_prediction_head.layers.0.bias'].shape[0],
        'M': source[f'{decoder}.mask_tokens.weight'].shape[0],
    }
