# Copyright (c) gps_seg contributors. Apache-2.0.
"""A new run in the work directory of an earlier one leaves its files whole."""

from pathlib import Path

from mmengine.dist import master_only
from mmengine.runner import Runner

from gps_seg.engine.saving.run_files import BASE_FILE, LATEST_FILE, RESUME_FILE

#: What DeltaHook writes.
KEPT_FILES = (
    RESUME_FILE,
    'delta.safetensors',
    'ema_delta.safetensors',
    'best_delta.safetensors',
    BASE_FILE,
    LATEST_FILE,
)


@master_only
def set_aside(runner: Runner) -> None:
    """Move the files of an earlier run into ``before_<time>``; say so.

    Args:
        runner: Runner of a run that begins, and has written none of them.
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
        f'{work_dir} holds an earlier run, and this one begins anew: '
        f'{", ".join(found)} moved to {folder}. To go on with it instead, '
        f'stop and start with --resume {folder / RESUME_FILE}.'
    )
