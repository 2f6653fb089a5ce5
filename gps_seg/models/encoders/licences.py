# Copyright (c) gps_seg contributors. Apache-2.0.
"""The name and the licence of the pretrained weights in a config."""

from pathlib import PurePosixPath, PureWindowsPath

from gps_seg.models.catalogue import DOWNLOADS, Download
from gps_seg.models.encoders.catalogued import CATALOGUED
from gps_seg.models.timm_backbone.importing import timm_library
from gps_seg.models.timm_backbone.loading import TIMM
from gps_seg.models.weight_files import read_provenance
from gps_seg.models.weights import SCHEME, local_file


def name_of_weights(checkpoint: str) -> str:
    """Name of weights, without the folder that they are in.

    Args:
        checkpoint: ``weights://NAME``, ``timm://NAME``, an address or a path.

    Example:
        >>> name_of_weights('weights://vit-small-p14_dinov2')
        'vit-small-p14_dinov2'
        >>> name_of_weights('timm://vit_tiny'), name_of_weights('/home/me/a')
        ('timm/vit_tiny', 'a')
    """
    if checkpoint.startswith(TIMM):
        return f'timm/{checkpoint.removeprefix(TIMM)}'  # as on the hub
    if checkpoint.startswith(SCHEME):
        return checkpoint.removeprefix(SCHEME)
    return PureWindowsPath(PurePosixPath(checkpoint).name).name


def licence_of(checkpoint: str) -> str | None:
    """Licence of published weights; None if it is not known.

    A local file under a name of the catalogue may hold other weights. Its
    licence is known if the file says that it was made from the published one.

    Args:
        checkpoint: ``weights://NAME``, ``timm://NAME``, an address or a path.
    """
    if checkpoint.startswith(TIMM):
        return _licence_in_timm(checkpoint.removeprefix(TIMM))
    name = checkpoint.removeprefix(SCHEME)
    if name == checkpoint or name not in CATALOGUED:
        return None
    file = local_file(name)
    if file is None or not _is_from(
        DOWNLOADS[name], read_provenance(file).get('source_file', '')
    ):
        return None
    return CATALOGUED[name].licence


def _licence_in_timm(name: str) -> str | None:
    try:
        facts = timm_library().models.get_pretrained_cfg(name)
    except RuntimeError:  # a tag that it does not know
        return None
    licence: str | None = None if facts is None else facts.license
    return licence


def _is_from(download: Download, source: str) -> bool:
    published = (*download.urls, download.official_url)
    names = {PurePosixPath(url).name for url in published}
    return PurePosixPath(source).name in names
