# Copyright (c) gps_seg contributors. Apache-2.0.
"""The files of ADE20K (SceneParse150): their layout and their number."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from gps_seg.datasets.conversion.source_files import SourceFiles

IMAGES, ANNOTATIONS = 'images', 'annotations'
SUFFIX: Mapping[str, str] = MappingProxyType(
    {IMAGES: '.jpg', ANNOTATIONS: '.png'}
)
#: Number of pairs in the official archive.
OFFICIAL: Mapping[str, int] = MappingProxyType(
    {'training': 20_210, 'validation': 2_000}
)
NUM_CLASSES = 150  # stored as 1..150; 0 stands for no label
UNLABELLED = 0

#: Advice for error messages when files are missing.
REMEDY = (
    'Download http://data.csail.mit.edu/places/ADEchallenge/'
    'ADEChallengeData2016.zip (about 1 GB), then run: python '
    'tools/dataset_converters/ade20k.py ADEChallengeData2016.zip {target} '
    '(see docs/ade20k.md).'
)


class Pair(NamedTuple):
    """Names of an image and of its annotation, within the source."""

    image: str
    annotation: str


class Listing(NamedTuple):
    """What a source holds.

    Args:
        pairs: Split -> id -> names of the pair; complete pairs only.
        problems: Lines, one for each missing file or split.
    """

    pairs: Mapping[str, Mapping[str, Pair]]
    problems: Sequence[str]


def list_pairs(files: SourceFiles, source: str, *, partial: bool) -> Listing:
    """Find the pairs of a source by their names.

    Args:
        files: Files of the source.
        source: Name of the source, for the error.
        partial: Whether fewer pairs than in the official archive will do; a
            split may then be absent.

    Raises:
        ValueError: If there is no folder with ``images/<split>/*.jpg`` and
            ``annotations/<split>/*.png``, or there are several.
    """
    found = _found(files)
    root = _root(found, source)
    pairs, problems = {}, []
    for split, expected in OFFICIAL.items():
        images = found.get((root, IMAGES, split), {})
        annotations = found.get((root, ANNOTATIONS, split), {})
        pairs[split] = {
            id_: Pair(images[id_], annotations[id_])
            for id_ in sorted(images.keys() & annotations.keys())
        }
        problems += _unpaired(split, images, annotations)
        if not partial and len(pairs[split]) != expected:
            problems.append(
                f'{split}: expected {expected} pairs, found '
                f'{len(pairs[split])}. For a part of the data set, add '
                '--partial'
            )
    return Listing(pairs, problems)


_Place = tuple[PurePosixPath, str, str]  # root, kind and split


def _found(files: SourceFiles) -> Mapping[_Place, Mapping[str, str]]:
    """Names of the files by place and id: ``<root>/<kind>/<split>/<id>``."""
    found: dict[_Place, dict[str, str]] = defaultdict(dict)
    for name in files.names:
        path = PurePosixPath(name)
        kind, split = path.parent.parent.name, path.parent.name
        fits = split in OFFICIAL and path.suffix == SUFFIX.get(kind)
        if fits and '__MACOSX' not in path.parts:
            place = path.parents[2], kind, split
            found[place][path.stem] = name
    return found


def _root(found: Mapping[_Place, object], source: str) -> PurePosixPath:
    roots = {
        kind: {root for root, of_kind, _ in found if of_kind == kind}
        for kind in SUFFIX
    }
    both = sorted(roots[IMAGES] & roots[ANNOTATIONS])
    if len(both) != 1:
        raise ValueError(
            'source: expected one folder with images/<split>/<id>.jpg and '
            'annotations/<split>/<id>.png, where a split is one of '
            f'{list(OFFICIAL)}, found {", ".join(map(str, both)) or "none"} '
            f'({source}). docs/ade20k.md shows the layout.'
        )
    return both[0]


def _unpaired(
    split: str, images: Mapping[str, str], annotations: Mapping[str, str]
) -> list[str]:
    return [
        *(
            f'{images[id_]}: image without an annotation ({split})'
            for id_ in sorted(images.keys() - annotations.keys())
        ),
        *(
            f'{annotations[id_]}: annotation without an image ({split})'
            for id_ in sorted(annotations.keys() - images.keys())
        ),
    ]
