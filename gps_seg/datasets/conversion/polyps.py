# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn images and masks of polyps into a folder that ``PolypDataset`` reads.

Every file is checked while it is copied, all problems are reported at once,
and the target is either complete and checked, or not there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from gps_seg.datasets.conversion.converting import converting
from gps_seg.datasets.conversion.copies import (
    Seen,
    lines_on_near_copies,
    same_pixels,
)
from gps_seg.datasets.conversion.pair_checks import check_mask, read_member
from gps_seg.datasets.conversion.pictures import (
    check_upright,
    decode,
    encode_png,
)
from gps_seg.datasets.conversion.polyp_pairs import (
    IMAGES,
    MASKS,
    Pair,
    list_pairs,
)
from gps_seg.datasets.conversion.polyp_report import ConversionReport
from gps_seg.datasets.conversion.problems import PairError, about, problems_of
from gps_seg.datasets.conversion.source_files import SourceFiles
from gps_seg.datasets.progress import Progress
from gps_seg.datasets.split_lists import SplitLists


def convert_polyps(
    source: str | Path,
    target: str | Path,
    *,
    splits: SplitLists | None = None,
    progress: Progress[str] = iter,
) -> ConversionReport:
    """Write ``images/``, ``masks/`` and ``splits/`` into a new folder.

    Images are copied byte for byte. A mask becomes a PNG: 1 where its grey
    value is above 127, 0 elsewhere. If no mask of the source has a value above
    1, the masks are taken as classes, and stay as they are.

    Args:
        source: Zip archive or folder with ``images/<id>.<suffix>`` and
            ``masks/<id>.<suffix>``, at its root or further down.
        target: Folder to create; an empty one may exist.
        splits: Ids of each split; None lists all ids in ``splits/all.txt``.
        progress: Wrapper of the ids that shows a progress bar.

    Returns:
        The report, which is also written into ``target``.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        FileExistsError: If ``target`` exists and is not an empty folder.
        ValueError: If ``source`` is not such a data set, or has any problem;
            lists the problems.
        OSError: If ``target`` cannot be written, for example on a full disk.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from gps_seg.datasets.synthetic_polyps import write_dataset
        >>> recipe = dict(domain='source', split_sizes={'val': 2}, size=32)
        >>> with TemporaryDirectory() as folder:
        ...     drawn, target = Path(folder, 'drawn'), Path(folder, 'polyps')
        ...     write_dataset(drawn, **recipe, seed=0)
        ...     convert_polyps(drawn, target).split_sizes
        {'all': 2}
    """
    with converting(source, target) as (files, folder):
        report = ConversionReport(Path(source).name)
        convert_files(files, folder, splits, report, progress)
        report.raise_problems()
        report.write(folder)
    return report


def convert_files(
    files: SourceFiles,
    folder: Path,
    splits: SplitLists | None,
    report: ConversionReport,
    progress: Progress[str] = iter,
) -> list[Seen]:
    """Check and write one data set; whatever is wrong goes to the report.

    Args:
        files: Files of the source.
        folder: Folder to write into.
        splits: Ids of each split; None lists all ids in ``all.txt``.
        report: Report that collects facts, notes and problems.
        progress: Wrapper of the ids that shows a progress bar.

    Returns:
        The good images, with their ids and splits.

    Raises:
        ValueError: If the source has no images/ beside masks/, or several.
    """
    pairs = list_pairs(files, splits, report)
    splits = SplitLists.one_of(pairs) if splits is None else splits
    report.split_sizes = {k: len(ids) for k, ids in splits.ids.items()}
    report.num_groups = len(set(splits.groups.values()))
    seen = _convert_pairs(files, pairs, folder, splits, progress, report)
    _report_copies(seen, report)
    splits.write(folder / 'splits')
    return seen


def _convert_pairs(
    files: SourceFiles,
    pairs: Mapping[str, Pair],
    folder: Path,
    splits: SplitLists,
    progress: Progress[str],
    report: ConversionReport,
) -> list[Seen]:
    """Copy good pairs, report bad ones; return the good images."""
    (folder / IMAGES).mkdir()
    (folder / MASKS).mkdir()
    split_of = splits.split_of()
    scale = 255 if _masks_are_classes(files, pairs) else 1
    if scale > 1:
        report.notes.append('the masks hold 0 and 1; 1 was taken as polyp')
    seen = []

    def convert(id_: str) -> None:
        image = _convert_pair(files, id_, pairs[id_], folder, scale, report)
        seen.append(Seen.of(id_, split_of.get(id_, 'no split'), image))

    report.problems += problems_of(list(pairs), convert, progress)
    return seen


def _masks_are_classes(files: SourceFiles, pairs: Mapping[str, Pair]) -> bool:
    """Whether no mask that can be read has a value above 1.

    Of the usual masks, of 0 and 255, the first one shows it.
    """
    for pair in pairs.values():
        try:
            grey = decode(read_member(files, pair.mask), 'L')
        except PairError:
            continue  # will be reported
        if grey.max() > 1:
            return False
    return True


def _convert_pair(
    files: SourceFiles,
    id_: str,
    pair: Pair,
    folder: Path,
    scale: int,
    report: ConversionReport,
) -> np.ndarray:
    """Check a pair and write it.

    Args:
        files: Files of the source.
        id_: Id of the pair.
        pair: Names of its files.
        folder: Folder to write into.
        scale: Factor that makes the mask's values 0 to 255.
        report: Report that counts the pair.

    Returns:
        The image, shape (height, width, 3), RGB, uint8.
    """
    content = read_member(files, pair.image)
    image = about(pair.image, decode, content, 'RGB')
    about(pair.image, check_upright, content)
    grey = about(pair.mask, decode, read_member(files, pair.mask), 'L')
    mask = about(pair.mask, check_mask, grey * np.uint8(scale), image.shape)
    suffix = PurePosixPath(pair.image).suffix
    (folder / IMAGES / f'{id_}{suffix}').write_bytes(content)
    (folder / MASKS / f'{id_}.png').write_bytes(encode_png(mask.classes))
    report.add_pair(image.shape, mask.polyp_share, mask.mid_grey_share)
    return image


def _report_copies(seen: Sequence[Seen], report: ConversionReport) -> None:
    """Report copies: in train and val a problem, all others a note."""
    named = [each._replace(name=f'{each.name} ({each.part})') for each in seen]
    for group in same_pixels(named):
        line = f'identical images: {", ".join(each.name for each in group)}'
        if len({each.part for each in group}) > 1:
            report.problems.append(
                f'{line}; train and val must not share an image'
            )
        else:
            report.notes.append(line)
    report.notes += lines_on_near_copies(named)
