# Copyright (c) gps_seg contributors. Apache-2.0.
"""``weights://NAME``: pretrained weights, from a local file or a download.

A local ``weights/NAME.safetensors`` wins.  A download is checked, turned into
that very file, and not needed again.
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

from gps_seg.models.augreg_names import augreg_to_mmpretrain
from gps_seg.models.catalogue import DOWNLOADS, Download
from gps_seg.models.dinov2_names import DROPPED
from gps_seg.models.weight_files import (
    read_provenance,
    read_tensors,
    sha256_of,
    write_safetensors,
)
from gps_seg.text.announcement import Announcement

SCHEME = 'weights://'
FOLDER_VARIABLE = 'GPS_SEG_WEIGHTS'
_BACKBONE = 'backbone.'


def find_weights(name: str) -> Path:
    """The local file of ``name``, downloaded first when there is none.

    Under a distributed launch the main process downloads for all.

    Args:
        name: As in ``weights://NAME``, without suffix.

    Raises:
        ValueError: If ``name`` is neither a local file nor one to download.
        FileNotFoundError: If the download fails; says what to put where.
    """
    local = _local_file(name)
    if local is None and name not in DOWNLOADS:
        raise ValueError(_unknown(name))
    if local is None and is_main_process():
        _download(name, DOWNLOADS[name], _folders()[0])
    barrier()
    local = local or _local_file(name)
    if local is None:
        raise FileNotFoundError(_what_to_do(name, 'no file on this machine'))
    return local


@CheckpointLoader.register_scheme(prefixes=SCHEME, force=True)
def load_from_weights(
    filename: str, map_location: str | None = None
) -> dict[str, Tensor]:
    """Loader of MMEngine for ``weights://NAME``."""
    path = find_weights(filename.removeprefix(SCHEME))
    tensors = load_from_safetensors(str(path), map_location)
    source = read_provenance(path).get('source_file', 'an unknown source')
    print_log(f'{filename}: {path}, made from {source}', logger='current')
    return tensors


# MMEngine matches prefixes as regular expressions; without this one it takes
# such a file for a pickle.
@CheckpointLoader.register_scheme(prefixes=r'.*\.safetensors$', force=True)
def load_from_safetensors(
    filename: str, map_location: str | None = None
) -> dict[str, Tensor]:
    """Loader of MMEngine for a path that ends in ``.safetensors``."""
    tensors = read_tensors(filename)
    if map_location is None:
        return tensors
    return {name: tensor.to(map_location) for name, tensor in tensors.items()}


def _folders() -> list[Path]:
    """Where to look, first match wins; downloads go to the first."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return [Path(folder).expanduser()]
    here = Path('weights')
    source_tree = Path(__file__).resolve().parents[2] / 'weights'
    if source_tree.is_dir() and not here.is_dir():
        return [source_tree]
    return [here, source_tree]


def _local_file(name: str) -> Path | None:
    files = (folder / f'{name}.safetensors' for folder in _folders())
    return next((file for file in files if file.is_file()), None)


def _download(name: str, download: Download, folder: Path) -> None:
    """Fetch, check and convert into ``folder/NAME.safetensors``."""
    with tempfile.TemporaryDirectory(prefix='gps_seg_') as temporary:
        suffix = Path(download.urls[0]).suffix
        file = Path(temporary) / f'download{suffix}'
        url = _fetch(name, download, file)
        provenance = dict(
            format='mmpretrain VisionTransformer',
            source_file=url,
            source_sha256=sha256_of(file),
        )
        tensors = read_tensors(file)
        if download.is_augreg:
            tensors, _ = augreg_to_mmpretrain(tensors)
        else:
            tensors = _backbone_of(tensors)
    target = folder / f'{name}.safetensors'
    write_safetensors(target, tensors, provenance)
    digest = provenance['source_sha256']
    print_log(
        f'{name}: downloaded to {target}; SHA-256 of {url}: {digest}',
        logger='current',
    )


def _fetch(name: str, download: Download, file: Path) -> str:
    """Download from the first mirror that has the right file; its URL."""
    failures = []
    for url in download.urls:
        print_log(Announcement(f'{name}: downloading {url}'), logger='current')
        try:
            torch.hub.download_url_to_file(
                url, str(file), download.hash_prefix, progress=True
            )
        # RuntimeError: a wrong checksum.
        except (OSError, HTTPException, RuntimeError) as err:
            failures.append(f'{url}: {err}')
        else:
            return url
    reason = 'the download failed:\n  ' + '\n  '.join(failures)
    raise FileNotFoundError(_what_to_do(name, reason))


def _backbone_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The backbone's part of a published classifier, without its prefix."""
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


def _unknown(name: str) -> str:
    local = {file.stem for f in _folders() for file in f.glob('*.safetensors')}
    places = ' or '.join(str(folder.absolute()) for folder in _folders())
    return (
        f'{SCHEME}{name}: expected a file there or a name to download '
        f'({", ".join(DOWNLOADS)}), got neither; local files: '
        f'{", ".join(sorted(local)) or "none"}. Put {name}.safetensors into '
        f'{places}, or correct the name.'
    )


def _what_to_do(name: str, reason: str) -> str:
    download = DOWNLOADS[name]
    target = _folders()[0].absolute() / f'{name}.safetensors'
    return (
        f'{SCHEME}{name}: expected the file {target}, got none, and {reason}\n'
        f'On a machine with network, fetch {download.official_url}, copy it '
        f'here and run\n'
        f'  python {download.converter} '
        f'{Path(download.official_url).name} {target}\n'
        f'or set {FOLDER_VARIABLE} to the folder that holds '
        f'{name}.safetensors.'
    )
