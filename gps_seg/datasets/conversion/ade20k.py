# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check the archive of ADE20K, and unpack it for MMSegmentation.

MMSegmentation reads the files as they are, so nothing is converted: every pair
is decoded and checked, then copied byte for byte. All problems are reported at
once, and the target is either complete and checked, or not there.
"""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gps_seg.datasets.conversion.ade20k_layout import (
    ANNOTATIONS,
    IMAGES,
    NUM_CLASSES,
    SUFFIX,
    UNLABELLED,
    Pair,
    list_pairs,
)
from gps_seg.datasets.conversion.ade20k_report import ADE20KReport
from gps_seg.datasets.conversion.converting import converting
from gps_seg.datasets.conversion.pair_checks import check_size, read_member
from gps_seg.datasets.conversion.pictures import decode
from gps_seg.datasets.conversion.problems import PairError, about, problems_of
from gps_seg.datasets.conversion.source_files import SourceFiles, open_source
from gps_seg.datasets.progress import Progress

_SHOWN = 5


class _Job(NamedTuple):
    """One pair, its split and its id."""

    split: str
    id_: str
    pair: Pair


def convert_ade20k(
    source: str | Path,
    target: str | Path,
    *,
    partial: bool = False,
    progress: Progress[_Job] = iter,
) -> ADE20KReport:
    """Check an archive and write its pairs into a new folder.

    Args:
        source: ``ADEChallengeData2016.zip``, or a folder with
            ``images/<split>`` and ``annotations/<split>``, at its root or
            further down.
        target: Folder to create; an empty one may exist.
        partial: Whether fewer pairs than in the official archive will do.
        progress: Wrapper of the pairs that shows a progress bar.

    Returns:
        The report, which is also written into ``target``.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        FileExistsError: If ``target`` exists and is not an empty folder.
        ValueError: If ``source`` is not such a data set, or has any problem;
            lists the problems.
        OSError: If ``target`` cannot be written, for example on a full disk.

    Example::

        report = convert_ade20k(
            'ADEChallengeData2016.zip', 'data/ade/ADEChallengeData2016'
        )
        print(report.text())
    """
    with converting(source, target) as (files, folder):
        report = _check(files, str(source), folder, partial, progress)
        report.write(folder)
    return report


def check_ade20k(
    source: str | Path,
    *,
    partial: bool = False,
    progress: Progress[_Job] = iter,
) -> ADE20KReport:
    """Check an archive, or the folder it was unpacked to; write nothing.

    Args:
        source: Archive or folder; see :func:`convert_ade20k`.
        partial: Whether fewer pairs than in the official archive will do.
        progress: Wrapper of the pairs that shows a progress bar.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If ``source`` is not such a data set, or has any problem;
            lists the problems.

    Example::

        print(check_ade20k('data/ade/ADEChallengeData2016').text())
    """
    with closing(open_source(source)) as files:
        return _check(files, str(source), None, partial, progress)


def check_labels(labels: np.ndarray, image_shape: tuple[int, ...]) -> None:
    """Refuse an annotation that MMSegmentation would misread.

    Args:
        labels: Stored labels, shape (height, width), uint8; 0 for no label,
            else 1..150.
        image_shape: Shape of the image that they belong to.

    Raises:
        PairError: If they are no 8-bit map of one channel, differ from the
            image in size, or hold another label.
    """
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise PairError(
            'expected an 8-bit map of one channel, got shape '
            f'{labels.shape} of {labels.dtype}'
        )
    check_size(labels, image_shape)
    wrong = np.unique(labels[labels > NUM_CLASSES])
    if wrong.size:
        raise PairError(
            f'expected labels {UNLABELLED}..{NUM_CLASSES}, got '
            f'{wrong[:_SHOWN].tolist()} '
            f'({int((labels > NUM_CLASSES).sum())} pixels)'
        )


def _check(
    files: SourceFiles,
    source: str,
    folder: Path | None,
    partial: bool,
    progress: Progress[_Job],
) -> ADE20KReport:
    """Check every pair; copy the good ones into ``folder``, if given."""
    report = ADE20KReport(Path(source).name, partial=partial)
    listing = list_pairs(files, source, partial=partial)
    report.problems += listing.problems
    jobs = [
        _Job(split, id_, pair)
        for split, pairs in listing.pairs.items()
        for id_, pair in pairs.items()
    ]
    report.problems += problems_of(
        jobs, lambda job: _check_pair(files, job, folder, report), progress
    )
    report.raise_problems()
    return report


def _check_pair(
    files: SourceFiles, job: _Job, folder: Path | None, report: ADE20KReport
) -> None:
    contents = {
        IMAGES: read_member(files, job.pair.image),
        ANNOTATIONS: read_member(files, job.pair.annotation),
    }
    image = about(job.pair.image, decode, contents[IMAGES], 'RGB')
    labels = about(job.pair.annotation, decode, contents[ANNOTATIONS], None)
    about(job.pair.annotation, check_labels, labels, image.shape)
    if not labels.any():
        report.notes.append(f'{job.pair.annotation}: no pixel has a label')
    if folder is not None:
        for kind, content in contents.items():
            path = folder / kind / job.split / f'{job.id_}{SUFFIX[kind]}'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    report.add_pair(job.split, labels)
