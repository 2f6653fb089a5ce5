# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find an encoder by the name that people call it."""

from difflib import get_close_matches

from gps_seg.models.encoders.catalogued import CATALOGUED
from gps_seg.models.encoders.encoder import Encoder
from gps_seg.models.encoders.of_timm import NAMED, PREFIX, timm_encoder


def find_encoder(name: str) -> Encoder:
    """The encoder of a name; its weights are not loaded.

    Args:
        name: Name in the catalogue, such as ``vit-small-p14_dinov2``, or
            ``timm:NAME`` for a model of timm.

    Raises:
        ImportError: If it is one of timm, which is not installed.
        ValueError: If there is none of that name; names similar ones.

    Example:
        >>> find_encoder('vit-base-p14_dinov2').title
        'DINOv2 ViT-B/14'
        >>> find_encoder('vit-small-dinov2')
        Traceback (most recent call last):
        ValueError: encoder: expected a name of ... vit-small-p14_dinov2, ...
    """
    if name in CATALOGUED:
        return CATALOGUED[name]
    if name.startswith(PREFIX):
        return timm_encoder(name.removeprefix(PREFIX))
    known = encoder_names()
    similar = get_close_matches(name, known, n=3, cutoff=0.5)
    similar += get_close_matches(f'{PREFIX}{name}', known, n=3, cutoff=0.7)
    listed = ', '.join(dict.fromkeys(similar)) or ', '.join(CATALOGUED)
    raise ValueError(
        f'encoder: expected a name of the catalogue, or {PREFIX}NAME for a '
        f'model of timm, got {name!r}. Similar names: {listed}. '
        'docs/encoders.md lists more.'
    )


def encoder_names() -> tuple[str, ...]:
    """Names for lists: all of the catalogue, and those of timm that are known.

    Example:
        >>> encoder_names()[0]
        'vit-small-p14_dinov2'
    """
    return (*CATALOGUED, *NAMED)
