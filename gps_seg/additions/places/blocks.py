# Copyright (c) gps_seg contributors. Apache-2.0.
"""The blocks of an encoder, with the places inside them."""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions.places.linear_maps import LinearMap, linear_maps
from gps_seg.additions.places.residual import Parts, block_modules

#: Blocks of MMPretrain and timm that normalise what a branch returns, not
#: what it takes.
_NORM_LAST = ('SwinBlockV2', 'SwinTransformerV2Block')

#: Blocks of MMPretrain whose first norm stands before both branches; the
#: second one is never called.
_ONE_NORM = ('DeiT3TransformerEncoderLayer',)

#: Blocks of timm that keep the channels last in (B, H, W, C).
_GRID = ('SwinTransformerBlock', 'SwinTransformerV2Block')

#: Blocks of MMPretrain that turn the map into tokens for their attention.
_MAP = ('SDTAEncoder',)


@dataclass(frozen=True)
class Block:
    """A block of an encoder: a branch that mixes positions, then an MLP.

    All names are those of modules in the model.

    Args:
        name: Name of the block.
        width: Number of channels that it takes and returns.
        layout: Layout of its input: ``'tokens'`` (B, N, C), ``'map'``
            (B, C, H, W), or ``'grid'`` (B, H, W, C).
        attention_norm: Norm before the attention; None if there is none.
        attention: Module whose call is the attention branch; None if the
            block has no attention. Some (MMCV's) also add the residual, the
            argument ``identity``; some are called on windows of the input.
        mlp_norm: Norm before the MLP; None if it has none of its own.
        mlp: Module whose call is the MLP branch; None if the block runs the
            layers of the MLP itself. Some (MMCV's) also add the residual.
        maps: Linear maps in the block, in module order.

    Example:
        >>> norms = {'attention_norm': 'blocks.0.norm', 'mlp_norm': None}
        >>> branches = {'attention': 'blocks.0.attn', 'mlp': 'blocks.0.mlp'}
        >>> block = Block(
        ...     'blocks.0', 8, 'tokens', maps=(), **norms, **branches
        ... )
        >>> print(block.map('fc1'))
        None
    """

    name: str
    width: int
    layout: str
    attention_norm: str | None
    attention: str | None
    mlp_norm: str | None
    mlp: str | None
    maps: tuple[LinearMap, ...]

    def map(self, kind: str) -> LinearMap | None:
        """The first linear map of a kind; None if the block has none."""
        return next((one for one in self.maps if one.kind == kind), None)


def blocks(model: nn.Module, encoder: str) -> list[Block]:
    """The blocks of an encoder, in module order.

    The list is empty for an encoder whose blocks are of another form, such as
    a ResNet.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Raises:
        ValueError: If the model has no such child.

    Example:
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(layer)})
        >>> (block,) = blocks(model, 'encoder')
        >>> block.name, block.width, block.attention_norm, block.attention
        ('encoder.0', 8, 'encoder.0.norm1', 'encoder.0.self_attn')
        >>> block.map('fc1').shape
        (16, 8)
    """
    maps = linear_maps(model, encoder)
    return [
        _block(
            name,
            module,
            parts,
            tuple(one for one in maps if one.block == name),
        )
        for name, module, parts in block_modules(model, encoder)
    ]


def _block(
    name: str, module: nn.Module, parts: Parts, maps: tuple[LinearMap, ...]
) -> Block:
    attention_norm, mlp_norm = _norms(module, parts)

    def full(child: str | None) -> str | None:
        return None if child is None else f'{name}.{child}'

    return Block(
        name,
        parts.width,
        _layout(module, parts),
        full(attention_norm),
        full(parts.attention),
        full(mlp_norm),
        full(parts.mlp),
        maps,
    )


def _norms(module: nn.Module, parts: Parts) -> tuple[str | None, str | None]:
    """Names of the norms before the attention and before the MLP."""
    last = type(module).__name__ in _NORM_LAST
    if last or not getattr(module, 'norm_first', True):
        return None, None
    norms = [n for n, child in module.named_children() if _is_norm(child)]
    numbered = [n for n in norms if n.endswith(('1', '2'))]
    if len(numbered) == 2:  # XCiT has a third one between these
        norms = sorted(numbered)
    if parts.attention is None:
        return None, norms[0] if norms else None
    if type(module).__name__ in _ONE_NORM:
        norms = norms[:1]
    first, second, *_ = [*norms, None, None]
    return first, second


def _is_norm(module: nn.Module) -> bool:
    kind = type(module).__name__
    return 'Norm' in kind or kind in ('LN', 'LN2d')


def _layout(module: nn.Module, parts: Parts) -> str:
    if parts.attention is None or type(module).__name__ in _MAP:
        return 'map'
    # The attention of Segment Anything, in MMPretrain and in the original.
    is_grid = hasattr(module.get_submodule(parts.attention), 'use_rel_pos')
    return 'grid' if is_grid or type(module).__name__ in _GRID else 'tokens'
