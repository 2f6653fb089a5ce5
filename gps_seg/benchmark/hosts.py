# Copyright (c) gps_seg contributors. Apache-2.0.
"""The encoders that are measured: configs of MMPretrain and MMSegmentation.

Dropout and stochastic depth are off, so all methods do the same work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """One encoder.

    Args:
        backbone: Function from the side of the square input, in pixels, to the
            config of the encoder.
        channels: Numbers of channels of the levels that the head reads.
        size: Default side of the input in pixels.
        stride: Divisor of the side, in pixels.
        head: Config of the head, apart from classes and loss; None for a
            light one.
    """

    backbone: Callable[[int], dict[str, Any]]
    channels: tuple[int, ...]
    size: int
    stride: int
    head: Mapping[str, Any] | None = None


def mmpretrain_vit(
    arch: str | dict[str, Any],
    width: int,
    patch: int,
    levels: tuple[int, ...],
    size: int = 512,
    layer_scale: float = 0.0,
) -> Architecture:
    """MMPretrain's vision transformer.

    Args:
        arch: Name or settings of the architecture.
        width: Number of channels of a token.
        patch: Side of a patch in pixels.
        levels: Numbers of the blocks whose outputs the head reads.
        size: Default side of the input in pixels.
        layer_scale: Initial value of LayerScale; 0 for none.
    """
    return Architecture(
        lambda side: dict(
            type='mmpretrain.VisionTransformer',
            arch=arch,
            img_size=(side, side),
            patch_size=patch,
            layer_scale_init_value=layer_scale,
            out_indices=levels,
            out_type='featmap',
        ),
        (width,) * len(levels),
        size,
        patch,
    )


def mmseg_vit(
    width: int,
    patch: int,
    num_layers: int,
    num_heads: int,
    levels: tuple[int, ...],
    size: int = 512,
) -> Architecture:
    """MMSegmentation's own vision transformer, as in SETR and UPerNet.

    Args:
        width: Number of channels of a token.
        patch: Side of a patch in pixels.
        num_layers: Number of blocks.
        num_heads: Number of heads in each block.
        levels: Numbers of the blocks whose outputs the head reads.
        size: Default side of the input in pixels.
    """
    return Architecture(
        lambda side: dict(
            type='VisionTransformer',
            img_size=(side, side),
            patch_size=patch,
            embed_dims=width,
            num_layers=num_layers,
            num_heads=num_heads,
            out_indices=levels,
            interpolate_mode='bicubic',
        ),
        (width,) * len(levels),
        size,
        patch,
    )


def sam_vit(
    arch: str | dict[str, Any],
    channels: int,
    patch: int,
    size: int = 512,
    *,
    decoder: bool = False,
) -> Architecture:
    """SAM's image encoder with its neck, of MMPretrain; one level.

    Args:
        arch: Name or settings of the architecture.
        channels: Number of channels that the neck puts out.
        patch: Side of a patch in pixels.
        size: Default side of the input in pixels; SAM's own is 1024.
        decoder: Whether the head is SAM's mask decoder (extra ``sam``).
    """
    return Architecture(
        lambda side: dict(
            type='mmpretrain.ViTSAM',
            arch=arch,
            img_size=side,
            patch_size=patch,
            out_channels=channels,
        ),
        (channels,),
        size,
        patch,
        dict(type='SAMHead', in_channels=channels) if decoder else None,
    )


def pyramid(channels: tuple[int, ...], **config: Any) -> Architecture:
    """An encoder with four levels, which accepts inputs of any size.

    Args:
        channels: Numbers of channels of the levels.
        **config: Config of the encoder.
    """
    return Architecture(lambda _: dict(config), channels, size=512, stride=32)


LEVELS = (2, 5, 8, 11)
TINY = {'embed_dims': 192, 'num_layers': 12, 'num_heads': 3}
SMALLEST = {'embed_dims': 32, 'num_layers': 4, 'num_heads': 2}
ARCHITECTURES: Mapping[str, Architecture] = {
    # LayerScale of 1 as in trained models. DINOv2's initial 1e-5 would switch
    # the blocks off.
    'vit-s14': mmpretrain_vit(
        'dinov2-small', 384, 14, LEVELS, size=252, layer_scale=1.0
    ),
    'vit-t16': mmpretrain_vit(
        {**TINY, 'feedforward_channels': 768}, 192, 16, LEVELS
    ),
    'vit-b16': mmpretrain_vit('base', 768, 16, LEVELS),
    'vit-l16': mmpretrain_vit('large', 1024, 16, (5, 11, 17, 23)),
    'mmseg-vit-b16': mmseg_vit(768, 16, 12, 12, LEVELS),
    'sam-vit-b': sam_vit('base', 256, 16),
    'sam-vit-b-decoder': sam_vit('base', 256, 16, decoder=True),
    'mit-b0': pyramid(
        (32, 64, 160, 256),
        type='MixVisionTransformer',
        embed_dims=32,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        drop_path_rate=0.0,
    ),
    'swin-t': pyramid(
        (96, 192, 384, 768), type='SwinTransformer', drop_path_rate=0.0
    ),
    'convnext-t': pyramid(
        (96, 192, 384, 768),
        type='mmpretrain.ConvNeXt',
        arch='tiny',
        out_indices=(0, 1, 2, 3),
        gap_before_final_norm=False,
        layer_scale_init_value=1.0,
    ),
    # To try the benchmark in seconds.
    'tiny': mmpretrain_vit(
        {**SMALLEST, 'feedforward_channels': 64}, 32, 8, (0, 1, 2, 3), size=32
    ),
    'mmseg-tiny': mmseg_vit(32, 8, 4, 2, (0, 1, 2, 3), size=32),
}


def check_architecture(name: str, size: int | None) -> int:
    """Check the name of an architecture and the size of its input.

    Args:
        name: Key of :data:`ARCHITECTURES`.
        size: Side of the input in pixels; None for the default.

    Returns:
        The side of the input in pixels.

    Raises:
        ValueError: If there is no such architecture, or the size is not a
            positive multiple of its stride.

    Example:
        >>> check_architecture('tiny', None)
        32
    """
    if name not in ARCHITECTURES:
        raise ValueError(
            f'arch: expected one of {", ".join(ARCHITECTURES)}, got {name!r}.'
        )
    arch = ARCHITECTURES[name]
    size = arch.size if size is None else size
    if size < 1 or size % arch.stride:
        raise ValueError(
            f'size: expected a positive multiple of {arch.stride} pixels, '
            f'got {size} (arch {name}). The default is {arch.size}.'
        )
    return size
