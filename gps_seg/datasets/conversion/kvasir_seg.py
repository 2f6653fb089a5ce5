# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn a Kvasir-SEG archive into the folder that the configs train from."""

from pathlib import Path

from gps_seg.datasets.conversion.polyp_report import ConversionReport
from gps_seg.datasets.conversion.polyps import convert_polyps
from gps_seg.datasets.progress import Progress
from gps_seg.datasets.split_lists import SplitLists


def convert_kvasir_seg(
    source: str | Path,
    target: str | Path,
    *,
    splits: SplitLists | None = None,
    progress: Progress[str] = iter,
) -> ConversionReport:
    """Write ``images/``, ``masks/`` and ``splits/`` into a new folder.

    Args:
        source: ``kvasir-seg.zip``, or a folder with ``images/`` and
            ``masks/`` at its root or further down.
        target: Folder to create; an empty one may exist.
        splits: Ids of each split; None takes the lists that come with
            gps_seg.
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
        >>> recipe = dict(domain='source', size=32, seed=0)
        >>> sizes = {'train': 1, 'val': 1}
        >>> with TemporaryDirectory() as folder:
        ...     drawn, target = Path(folder, 'drawn'), Path(folder, 'polyps')
        ...     write_dataset(drawn, split_sizes=sizes, **recipe)
        ...     lists = SplitLists.read(drawn / 'splits')
        ...     convert_kvasir_seg(drawn, target, splits=lists).split_sizes
        {'train': 1, 'val': 1}
    """
    return convert_polyps(
        source,
        target,
        splits=SplitLists.of_record() if splits is None else splits,
        progress=progress,
    )
