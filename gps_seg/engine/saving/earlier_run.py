# Copyright (c) gps_seg contributors. Apache-2.0.
"""Move the files of an earlier run out of the way of a new one."""

from pathlib import Path

from mmengine.dist import master_only
from mmengine.runner import Runner

from gps_seg.files.run_files import (
    BASE_FILE,
    BEST_DELTA_FILE,
    DELTA_FILE,
    EMA_DELTA_FILE,
    LATEST_FILE,
    RESUME_FILE,
)

#: Files that DeltaHook writes.
KEPT_FILES = (
    RESUME_FILE,
    DELTA_FILE,
    EMA_DELTA_FILE,
    BEST_DELTA_FILE,
    BASE_FILE,
    LATEST_FILE,
)


@master_only
def set_aside(runner: Runner) -> None:
    """Move the files of an earlier run into ``before_<time>``, with a warning.

    Args:
        runner: Runner of a new run that has not written any files yet.
    """
    work_dir = Path(runner.work_dir)
    found = [name for name in KEPT_FILES if (work_dir / name).exists()]
    if not found:
        return
    folder = work_dir / f'before_{runner.timestamp}'
    folder.mkdir()
    for name in found:
        (work_dir / name).rename(folder / name)
    runner.logger.warning(
        f'{work_dir} contained an earlier run, and this is a new one: '
        f'{", ".join(found)} moved to {folder}. To continue the earlier run '
        f'instead, stop and start with --resume {folder / RESUME_FILE}.'
    )
