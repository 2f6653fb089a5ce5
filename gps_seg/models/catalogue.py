# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pretrained backbones that can be downloaded, by the name configs use."""

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
        hash_prefix: First hexadecimal digits of its SHA-256; None if nobody
            published them. What is read is checked tensor by tensor either
            way.
        official_url: The authors' file, for the converter.
        converter: The tool that makes ours of the authors' file.
        is_augreg: Whether the file has the names of the ViT's authors; those
            of an MMPretrain backbone otherwise.
    """

    urls: tuple[str, ...]
    hash_prefix: str | None
    official_url: str
    converter: str = f'{_CONVERTERS}/dinov2_to_mmpretrain.py'
    is_augreg: bool = False


def _dinov2(size: str, hash_prefix: str) -> Download:
    # OpenMMLab ends a file's name with the head of its SHA-256.
    file = f'vit-{size}-p14_dinov2-pre_3rdparty_20230426-{hash_prefix}.pth'
    short = f'dinov2_vit{size[0]}14'
    return Download(
        urls=tuple(f'{mirror}/dinov2/{file}' for mirror in _MIRRORS),
        hash_prefix=hash_prefix,
        official_url='https://dl.fbaipublicfiles.com/dinov2/'
        f'{short}/{short}_pretrain.pth',
    )


def _augreg(file: str) -> Download:
    """Of "How to train your ViT" (arXiv 2106.10270), the files timm names."""
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
