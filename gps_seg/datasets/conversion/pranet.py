# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn the archives of PraNet's protocol into six data sets of polyps.

``train`` holds the images to train on, some of which are kept for validation;
each test set is a folder of its own. Every file is checked, all problems are
reported at once, and the target is either complete and checked, or not there.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from gps_seg.datasets.conversion.copies import Seen
from gps_seg.datasets.conversion.polyp_pairs import IMAGES
from gps_seg.datasets.conversion.polyp_report import ConversionReport
from gps_seg.datasets.conversion.polyps import convert_files
from gps_seg.datasets.conversion.pranet_layout import (
    CLINICDB,
    IMG_SUFFIX,
    OFFICIAL,
    TRAIN,
    OpenSource,
    SetFiles,
    find_sets,
)
from gps_seg.datasets.conversion.pranet_report import PraNetReport
from gps_seg.datasets.conversion.source_files import open_source
from gps_seg.datasets.image_groups import write_groups
from gps_seg.datasets.progress import Progress
from gps_seg.datasets.split_lists import SplitLists
from gps_seg.files import new_folder, require_new_or_empty


def convert_pranet(
    sources: Iterable[str | Path],
    target: str | Path,
    *,
    partial: bool = False,
    splits: SplitLists | None = None,
    progress: Progress[str] = iter,
) -> PraNetReport:
    """Write a folder for the images to train on, and one for each test set.

    Each has ``images/``, ``masks/`` and ``splits/``, as
    :func:`convert_polyps` writes them.

    Args:
        sources: Zip archives or folders that together hold ``TrainDataset``
            and ``TestDataset``, at their root or further down.
        target: Folder to create; an empty one may exist.
        partial: Whether fewer images than published will do.
        splits: Ids to train on and to validate on, and the video of each
            frame; None takes the lists that come with gps_seg.
        progress: Wrapper of the ids of a set that shows a progress bar.

    Returns:
        The report, which is also written into ``target``.

    Raises:
        FileNotFoundError: If a source does not exist.
        FileExistsError: If ``target`` exists and is not an empty folder.
        ValueError: If the sources are not this protocol, or have any problem;
            lists the problems.
        OSError: If ``target`` cannot be written, for example on a full disk.

    Example::

        report = convert_pranet(
            ['TrainDataset.zip', 'TestDataset.zip'], 'data/pranet'
        )
        print(report.text())
    """
    lists = SplitLists.of_record('pranet') if splits is None else splits
    with _opened(sources, Path(target)) as (opened, folder):
        names = ', '.join(source.path.name for source in opened)
        report = PraNetReport(names, partial=partial)
        found = find_sets(opened)
        _check_counts(found, report)
        seen: list[Seen] = []
        for name, files in found.items():
            seen += _convert_set(name, files, folder, lists, report, progress)
        report.take_copies(seen)
        _note_shared_videos(found, lists.groups, report)
        report.raise_problems()
        report.write(folder)
    return report


@contextmanager
def _opened(
    sources: Iterable[str | Path], target: Path
) -> Iterator[tuple[list[OpenSource], Path]]:
    """Open the sources and make a folder that becomes ``target``."""
    require_new_or_empty(target)
    with ExitStack() as stack:
        opened = [
            OpenSource(
                Path(source), stack.enter_context(closing(open_source(source)))
            )
            for source in sources
        ]
        yield opened, stack.enter_context(new_folder(target))


def _check_counts(found: Mapping[str, SetFiles], report: PraNetReport) -> None:
    for name, expected in OFFICIAL.items():
        number = len(found[name].ids(IMAGES)) if name in found else 0
        if number != expected and not report.partial:
            report.problems.append(
                f'{name}: expected {expected} images as published, found '
                f'{number}. For a part of the protocol, add --partial'
            )
        elif not number:
            report.notes.append(f'{name}: the source has no such set')


def _convert_set(
    name: str,
    files: SetFiles,
    folder: Path,
    lists: SplitLists,
    report: PraNetReport,
    progress: Progress[str],
) -> list[Seen]:
    """Write one set, with the videos of its frames where these are known."""
    own = ConversionReport(name, img_suffix=IMG_SUFFIX)
    all_listed = name == TRAIN and not report.partial
    kept = lists.only(lists.split_of() if all_listed else files.ids(IMAGES))
    (folder / name).mkdir()
    seen = convert_files(
        files, folder / name, kept if name == TRAIN else None, own, progress
    )
    if name == CLINICDB:
        write_groups(kept.groups, folder / name / 'splits')
    report.take(name, own)
    return [
        each._replace(name=f'{name}/{each.name}', part=name) for each in seen
    ]


def _note_shared_videos(
    found: Mapping[str, SetFiles],
    groups: Mapping[str, str],
    report: PraNetReport,
) -> None:
    """Count the test frames of videos that are also trained on."""
    if not groups or not {TRAIN, CLINICDB} <= found.keys():
        return
    trained = {groups.get(id_) for id_ in found[TRAIN].ids(IMAGES)} - {None}
    tested = found[CLINICDB].ids(IMAGES)
    shared = sum(groups.get(id_) in trained for id_ in tested)
    report.notes.append(
        f'{CLINICDB}: {shared} of {len(tested)} test frames are of a video '
        'that has frames to train on; scores on this set do not show how a '
        'model does on new videos'
    )
