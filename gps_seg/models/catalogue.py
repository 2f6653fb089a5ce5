# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pretrained models to download, by their names in configs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from gps_seg.models.augreg_names import augreg_to_mmpretrain
from gps_seg.models.dinov2_names import DROPPED
from gps_seg.models.sam.names import sam_to_mmseg

_MIRRORS = (
    'https://mmassets.onedl.ai/mmpretrain/v1.0',
    'https://download.openmmlab.com/mmpretrain/v1.0',
)
_CONVERTERS = 'tools/model_converters'
_BACKBONE = 'backbone.'
VIT = 'mmpretrain VisionTransformer'
SAM = 'mmseg EncoderDecoder of ViTSAM and SAMHead'


def _backbone_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The backbone of a published classifier, without its prefix."""
    if any(name.startswith(_BACKBONE) for name in tensors):
        tensors = {
            name.removeprefix(_BACKBONE): tensor
            for name, tensor in tensors.items()
            if name.startswith(_BACKBONE)
        }
    return {
        name: tensor.contiguous()
        for name, tensor in tensors.items()
        if name not in DROPPED
    }


@dataclass(frozen=True)
class Download:
    """A published file of weights.

    Args:
        urls: Addresses of the same file; tried in order.
        hash_prefix: First hexadecimal digits of its SHA-256; None if they are
            not published. Names and shapes are checked in any case.
        official_url: Address of the authors' file, for the converter.
        converter: Path of the tool that converts the authors' file.
        convert: Function that gives the tensors of the file our names.
        format: Model that has these names.
    """

    urls: tuple[str, ...]
    hash_prefix: str | None
    official_url: str
    converter: str = f'{_CONVERTERS}/dinov2_to_mmpretrain.py'
    convert: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = _backbone_of
    format: str = VIT


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
        convert=lambda tensors: augreg_to_mmpretrain(tensors)[0],
    )


def _sam(size: str, hash_prefix: str) -> Download:
    url = (
        'https://dl.fbaipublicfiles.com/segment_anything/'
        f'sam_vit_{size}_{hash_prefix}.pth'
    )
    return Download(
        urls=(url,),
        hash_prefix=hash_prefix,
        official_url=url,
        converter=f'{_CONVERTERS}/sam_to_mmseg.py',
        convert=lambda tensors: sam_to_mmseg(tensors)[0],
        format=SAM,
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
    'sam-vit-base': _sam('b', '01ec64'),
    'sam-vit-large': _sam('l', '0b3195'),
    'sam-vit-huge': _sam('h', '4b8939'),
}
