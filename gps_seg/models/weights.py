# Copyright (c) gps_seg contributors. Apache-2.0.
"""``weights://NAME``: pretrained weights, from a local file or a download.

A local ``weights/NAME.safetensors`` takes precedence. A download is checked
and saved as that file, so it is needed only once.
"""

import os
import tempfile
from http.client import HTTPException
from pathlib import Path

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from torch import Tensor

from gps_seg.models.catalogue import DOWNLOADS, Download
from gps_seg.models.weight_files import (
    read_provenance,
    read_tensors,
    sha256_of,
    write_safetensors,
)
from gps_seg.text.announcement import Announcement

SCHEME = 'weights://'
FOLDER_VARIABLE = 'GPS_SEG_WEIGHTS'


def find_weights(name: str) -> Path:
    """The local file of ``name``, downloaded if there is none.

    In a distributed run the main process downloads for all.

    Args:
        name: Name after ``weights://``, without suffix.

    Raises:
        ValueError: If there is neither a local file nor a download of that
            name.
        FileNotFoundError: If the download fails; names the file to fetch, the
            converter's command and the place of its result.

    Example::

        path = find_weights('vit-small-p14_dinov2')
    """
    local = local_file(name)
    if local is None and name not in DOWNLOADS:
        raise ValueError(_unknown(name))
    if local is None and is_main_process():
        _download(name, DOWNLOADS[name], _folders()[0])
    barrier()
    local = local or local_file(name)
    if local is None:
        raise FileNotFoundError(_what_to_do(name, 'no file on this machine'))
    return local


@CheckpointLoader.register_scheme(prefixes=SCHEME, force=True)
def load_from_weights(
    filename: str, map_location: str | None = None
) -> dict[str, Tensor]:
    """Load ``weights://NAME`` for MMEngine."""
    path = find_weights(filename.removeprefix(SCHEME))
    tensors = load_from_safetensors(str(path), map_location)
    source = read_provenance(path).get('source_file', 'an unknown source')
    print_log(f'{filename}: {path}, made from {source}', logger='current')
    return tensors


# MMEngine matches prefixes as regular expressions. Without this one it would
# read such a file as a pickle.
@CheckpointLoader.register_scheme(prefixes=r'.*\.safetensors$', force=True)
def load_from_safetensors(
    filename: str, map_location: str | None = None
) -> dict[str, Tensor]:
    """Load a path that ends in ``.safetensors`` for MMEngine."""
    tensors = read_tensors(filename)
    if map_location is None:
        return tensors
    return {name: tensor.to(map_location) for name, tensor in tensors.items()}


def _folders() -> list[Path]:
    """Folders to search, in order; downloads go to the first."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return [Path(folder).expanduser()]
    here = Path('weights')
    source_tree = Path(__file__).resolve().parents[2] / 'weights'
    if source_tree.is_dir() and not here.is_dir():
        return [source_tree]
    return [here, source_tree]


def local_file(name: str) -> Path | None:
    """The local file of ``name``; None if there is none.

    Args:
        name: Name without suffix.
    """
    files = (folder / f'{name}.safetensors' for folder in _folders())
    return next((file for file in files if file.is_file()), None)


def place_of(name: str) -> Path:
    """Where a local file of ``name`` belongs, there or not.

    Args:
        name: Name without suffix.
    """
    return _folders()[0].absolute() / f'{name}.safetensors'


def _download(name: str, download: Download, folder: Path) -> None:
    """Fetch, check and convert into ``folder/NAME.safetensors``."""
    with tempfile.TemporaryDirectory(prefix='gps_seg_') as temporary:
        suffix = Path(download.urls[0]).suffix
        file = Path(temporary) / f'download{suffix}'
        url = _fetch(name, download, file)
        provenance = dict(
            format=download.format,
            source_file=url,
            source_sha256=sha256_of(file),
        )
        tensors = download.convert(read_tensors(file))
    target = folder / f'{name}.safetensors'
    write_safetensors(target, tensors, provenance)
    digest = provenance['source_sha256']
    print_log(
        f'{name}: downloaded to {target}; SHA-256 of {url}: {digest}',
        logger='current',
    )


def _fetch(name: str, download: Download, file: Path) -> str:
    """Download from the first mirror with the right file; return its URL."""
    failures = []
    for url in download.urls:
        print_log(Announcement(f'{name}: downloading {url}'), logger='current')
        try:
            torch.hub.download_url_to_file(
                url, str(file), download.hash_prefix, progress=True
            )
        # RuntimeError: a wrong checksum.
        except (OSError, HTTPException, RuntimeError) as error:
            failures.append(f'{url}: {error}')
        else:
            return url
    reason = 'the download failed:\n  ' + '\n  '.join(failures)
    raise FileNotFoundError(_what_to_do(name, reason))


def _unknown(name: str) -> str:
    local = {file.stem for f in _folders() for file in f.glob('*.safetensors')}
    places = ' or '.join(str(folder.absolute()) for folder in _folders())
    return (
        f'{SCHEME}{name}: expected a local file or one of the downloads '
        f'{", ".join(DOWNLOADS)}, got neither; local files: '
        f'{", ".join(sorted(local)) or "none"}. Put {name}.safetensors into '
        f'{places}, or correct the name.'
    )


def _what_to_do(name: str, reason: str) -> str:
    download = DOWNLOADS[name]
    target = place_of(name)
    return (
        f'{SCHEME}{name}: expected the file {target}, got none, and {reason}\n'
        f'On a machine with network access, download {download.official_url}, '
        'copy it here and run\n'
        f'  python {download.converter} '
        f'{Path(download.official_url).name} {target}\n'
        f'or set {FOLDER_VARIABLE} to the folder that holds '
        f'{name}.safetensors.'
    )
