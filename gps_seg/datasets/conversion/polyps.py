# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn images and masks of polyps into a folder that ``PolypDataset`` reads.

Every file is checked while it is copied, all problems are reported at once,
and the target is either complete and checked, or not there.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from gps_seg.datasets.conversion.pair_checks import (
    PairError,
    about,
    check_mask,
    decode,
    encode_png,
    pixel_hash,
    read_member,
)
from gps_seg.datasets.conversion.polyp_pairs import (
    IMAGES,
    MASKS,
    Pair,
    list_pairs,
)
from gps_seg.datasets.conversion.polyp_report import ConversionReport
from gps_seg.datasets.conversion.source_files import SourceFiles, open_source
from gps_seg.datasets.split_lists import SplitLists
from gps_seg.files import new_folder, require_new_or_empty


def convert_polyps(
    source: str | Path,
    target: str | Path,
    *,
    splits: SplitLists | None = None,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> ConversionReport:
    """Write ``images/``, ``masks/`` and ``splits/`` into a new folder.

    Images are copied byte for byte. A mask becomes a PNG with 1 where the
    source, as grey, is above 127 and 0 elsewhere.

    Args:
        source: Zip archive or folder that holds ``images/<id>.<suffix>`` and
            ``masks/<id>.<suffix>``, at its root or further down.
        target: Folder to make; may exist if it is empty.
        splits: Which ids belong to which split; None puts all of them into
            one list, ``splits/all.txt``.
        progress: Wraps the sequence of ids, to show how far we are.

    Returns:
        The report, which is also written into ``target``.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        FileExistsError: If ``target`` exists and is not an empty folder.
        ValueError: If ``source`` is not such a data set, or has any problem;
            lists the problems.
        OSError: If ``target`` cannot be written, for example on a full disk.
    """
    target = Path(target)
    require_new_or_empty(target)
    files = open_source(source)
    try:
        report = ConversionReport(Path(source).name)
        pairs = list_pairs(files, splits, report)
        splits = SplitLists.one_of(pairs) if splits is None else splits
        report.split_sizes = {k: len(ids) for k, ids in splits.ids.items()}
        with new_folder(target) as folder:
            images = _convert_pairs(files, pairs, folder, progress, report)
            _report_copies(images, splits, report)
            report.raise_problems()
            splits.write(folder / 'splits')
            report.write(folder)
    finally:
        files.close()
    return report


def _convert_pairs(
    files: SourceFiles,
    pairs: Mapping[str, Pair],
    folder: Path,
    progress: Callable[[Sequence[str]], Iterable[str]],
    report: ConversionReport,
) -> dict[str, list[str]]:
    """Copy good pairs, report bad ones.

    Returns:
        The ids of the good images, grouped by the hash of their pixels.
    """
    (folder / IMAGES).mkdir()
    (folder / MASKS).mkdir()
    same_pixels = defaultdict(list)
    for id_ in progress(list(pairs)):
        try:
            image = _convert_pair(files, id_, pairs[id_], folder, report)
        except PairError as problem:
            report.problems.append(str(problem))
        else:
            same_pixels[pixel_hash(image)].append(id_)
    return same_pixels


def _convert_pair(
    files: SourceFiles,
    id_: str,
    pair: Pair,
    folder: Path,
    report: ConversionReport,
) -> np.ndarray:
    content = read_member(files, pair.image)
    image = about(pair.image, decode, content, 'RGB')
    grey = about(pair.mask, decode, read_member(files, pair.mask), 'L')
    mask = about(pair.mask, check_mask, grey, image.shape)
    suffix = PurePosixPath(pair.image).suffix
    (folder / IMAGES / f'{id_}{suffix}').write_bytes(content)
    (folder / MASKS / f'{id_}.png').write_bytes(encode_png(mask.classes))
    report.add_pair(
        f'{image.shape[1]}x{image.shape[0]}',
        mask.polyp_share,
        mask.mid_grey_share,
    )
    return image


def _report_copies(
    images: Mapping[str, list[str]],
    splits: SplitLists,
    report: ConversionReport,
) -> None:
    """Copies across train and val are a problem, within one only a note."""
    split_of = splits.split_of()
    for ids in images.values():
        places = [f'{id_} ({split_of.get(id_, "no split")})' for id_ in ids]
        line = f'identical images: {", ".join(places)}'
        if len({split_of.get(id_) for id_ in ids}) > 1:
            report.problems.append(f'{line}; train and val must not share one')
        elif len(ids) > 1:
            report.notes.append(line)
