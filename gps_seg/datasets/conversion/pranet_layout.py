# Copyright (c) gps_seg contributors. Apache-2.0.
"""The files of PraNet's protocol: its sets, their layout and their number.

Fan et al., PraNet: Parallel Reverse Attention Network for Polyp Segmentation,
MICCAI 2020. Copies of the archives call the folders ``image`` and ``mask`` or
``images`` and ``masks``, and some have ``TestDataset`` twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from gps_seg.datasets.conversion.polyp_pairs import (
    IMAGES,
    MASKS,
    is_picture,
)
from gps_seg.datasets.conversion.source_files import MAX_MEMBER, SourceFiles

TRAIN, CLINICDB = 'train', 'CVC-ClinicDB'
IMG_SUFFIX = '.png'  # of the published images, and in our config
#: Number of pairs as published; 900 of Kvasir-SEG and 550 of CVC-ClinicDB are
#: to train on.
OFFICIAL: Mapping[str, int] = MappingProxyType(
    {
        TRAIN: 1450,
        'Kvasir': 100,
        CLINICDB: 62,
        'CVC-300': 60,
        'CVC-ColonDB': 380,
        'ETIS-LaribPolypDB': 196,
    }
)
#: Folder of the archives -> our name of the set.
_SET_OF = {'TrainDataset': TRAIN} | {
    name: name for name in OFFICIAL if name != TRAIN
}
_KIND_OF = {'image': IMAGES, IMAGES: IMAGES, 'mask': MASKS, MASKS: MASKS}


class OpenSource(NamedTuple):
    """An archive or a folder that is open for reading."""

    path: Path
    files: SourceFiles


class SetFiles:
    """The files of one set, as ``images/<file>`` and ``masks/<file>``.

    Args:
        places: Such a name -> the source that has it, and its name there.
    """

    def __init__(self, places: Mapping[str, tuple[SourceFiles, str]]) -> None:
        self._places = places
        self.names = frozenset(places)

    def read(self, name: str, limit: int = MAX_MEMBER) -> bytes:
        """Content of one file."""
        files, own_name = self._places[name]
        return files.read(own_name, limit)

    def close(self) -> None:
        """Do nothing: the sources are closed by whoever opened them."""

    def ids(self, kind: str) -> list[str]:
        """Names without suffix of the ``images`` or ``masks``, sorted."""
        paths = map(PurePosixPath, self.names)
        return sorted(p.stem for p in paths if p.parent.name == kind)


def find_sets(sources: Sequence[OpenSource]) -> dict[str, SetFiles]:
    """The sets that archives or folders hold, in the order of ``OFFICIAL``.

    Args:
        sources: Archives or folders; together they hold the protocol.

    Raises:
        ValueError: If there is no set, or a set lacks its folder of images or
            of masks, or has two of them.
    """
    places: dict[str, dict[str, tuple[SourceFiles, str]]] = defaultdict(dict)
    folders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for source in sources:
        for name in sorted(source.files.names):
            # The archive or folder itself may be TrainDataset.
            path = PurePosixPath(source.path.stem, name)
            owner = _SET_OF.get(path.parent.parent.name)
            kind = _KIND_OF.get(path.parent.name)
            if owner and kind and is_picture(path):
                folders[owner, kind].add(f'{source.path}/{path.parent}')
                places[owner][f'{kind}/{path.name}'] = (source.files, name)
    _require_one_folder_each(folders, sources)
    return {
        name: SetFiles(places[name]) for name in OFFICIAL if name in places
    }


def _require_one_folder_each(
    folders: Mapping[tuple[str, str], set[str]], sources: Sequence[OpenSource]
) -> None:
    owners = {owner for owner, _ in folders}
    wrong = [
        f'{owner}: {len(found)} folders of {kind}{": " * bool(found)}'
        f'{", ".join(sorted(found))}'
        for owner in OFFICIAL
        for kind in (IMAGES, MASKS)
        if owner in owners
        and len(found := folders.get((owner, kind), ())) != 1
    ]
    if wrong or not owners:
        raise ValueError(
            'source: expected TrainDataset/{image,mask}/ and '
            'TestDataset/<set>/{images,masks}/, each of them once, found '
            f'{"; ".join(wrong) or "none of them"} '
            f'({", ".join(str(source.path) for source in sources)}). '
            'data/README.md shows the layout.'
        )
