# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn a Kvasir-SEG archive into the folder that the configs train from."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from gps_seg.datasets.conversion.polyp_report import ConversionReport
from gps_seg.datasets.conversion.polyps import convert_polyps
from gps_seg.datasets.split_lists import SplitLists


def convert_kvasir_seg(
    source: str | Path,
    target: str | Path,
    *,
    splits: SplitLists | None = None,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> ConversionReport:
    """Write ``images/``, ``masks/`` and ``splits/`` into a new folder.

    Args:
        source: As for :func:`convert_polyps`, with the ids of Kvasir-SEG.
        target: Folder to make; may exist if it is empty.
        splits: Which ids belong to which split; None takes the lists of
            record that come with gps_seg.
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
    return convert_polyps(
        source,
        target,
        splits=SplitLists.of_record() if splits is None else splits,
        progress=progress,
    )
