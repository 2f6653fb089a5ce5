# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pretrained backbones that can be downloaded, by the name configs use."""

from collections.abc import Mapping
from dataclasses import dataclass

_MIRRORS = (
    'https://mmassets.onedl.ai/mmpretrain/v1.0',
    'https://download.openmmlab.com/mmpretrain/v1.0',
)


@dataclass(frozen=True)
class Download:
    """A published ``.pth`` with the names of an MMPretrain backbone."""

    urls: tuple[str, ...]  # the same file; tried in order
    hash_prefix: str  # first hexadecimal digits of its SHA-256
    official_url: str  # the authors' file, for the converter


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


DOWNLOADS: Mapping[str, Download] = {
    'vit-small-p14_dinov2': _dinov2('small', '5641ca5a'),
    'vit-base-p14_dinov2': _dinov2('base', 'ba246503'),
    'vit-large-p14_dinov2': _dinov2('large', 'f3302d9e'),
}
