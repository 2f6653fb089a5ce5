# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pretrained backbones to download, by their names in configs."""

from collections.abc import Mapping
from dataclasses import dataclass

_MIRRORS = (
    'https://mmassets.onedl.ai/mmpretrain/v1.0',
    'https://download.openmmlab.com/mmpretrain/v1.0',
)
_CONVERTERS = 'tools/model_converters'


@dataclass(frozen=True)
class Download:
    """A published file of a ViT.

    Args:
        urls: Addresses of the same file; tried in order.
        hash_prefix: First hexadecimal digits of its SHA-256; None if they are
            not published. Names and shapes are checked in any case.
        official_url: Address of the authors' file, for the converter.
        converter: Path of the tool that converts the authors' file.
        is_augreg: Whether the file uses the names of the ViT's authors instead
            of those of an MMPretrain backbone.
    """

    urls: tuple[str, ...]
    hash_prefix: str | None
    official_url: str
    converter: str = f'{_CONVERTERS}/dinov2_to_mmpretrain.py'
    is_augreg: bool = False


def _dinov2(size: str, hash_prefix: str) -> Download:
    # The name of OpenMMLab's files ends with the first digits of the SHA-256.
    file = f'vit-{size}-p14_dinov2-pre_3rdparty_20230426-{hash_prefix}.pth'
    short = f'dinov2_vit{size[0]}14'
    return Download(
        urls=tuple(f'{mirror}/dinov2/{file}' for mirror in _MIRRORS),
        hash_prefix=hash_prefix,
        official_url='https://dl.fbaipublicfiles.com/dinov2/'
        f'{short}/{short}_pretrain.pth',
    )


def _augreg(file: str) -> Download:
    """A file of "How to train your ViT" (arXiv 2106.10270) that timm uses."""
    url = f'https://storage.googleapis.com/vit_models/augreg/{file}.npz'
    return Download(
        urls=(url,),
        hash_prefix=None,
        official_url=url,
        converter=f'{_CONVERTERS}/augreg_to_mmpretrain.py',
        is_augreg=True,
    )


DOWNLOADS: Mapping[str, Download] = {
    'vit-small-p14_dinov2': _dinov2('small', '5641ca5a'),
    'vit-base-p14_dinov2': _dinov2('base', 'ba246503'),
    'vit-large-p14_dinov2': _dinov2('large', 'f3302d9e'),
    'vit-base-p16_in21k': _augreg(
        'B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0'
    ),
    'vit-large-p16_in21k': _augreg(
        'L_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.1-sd_0.1'
    ),
}
