# Copyright (c) gps_seg contributors. Apache-2.0.
"""The message after Ctrl-C: how to continue the training."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.logging import print_log

from gps_seg.command_line.running import INTERRUPTED
from gps_seg.files.run_files import LATEST_FILE
from gps_seg.text.announcement import Announcement


@contextmanager
def saying_how_to_go_on(work_dir: str | Path) -> Iterator[None]:
    """End the process on Ctrl-C, with a hint instead of a traceback.

    Args:
        work_dir: Work directory of the run.

    Raises:
        SystemExit: If the user presses Ctrl-C inside.
    """
    try:
        yield
    except KeyboardInterrupt:
        print_log(
            Announcement(f'Interrupted. {_how(Path(work_dir))}'),
            logger='current',
            level=logging.WARNING,
        )
        raise SystemExit(INTERRUPTED) from None


def _how(work_dir: Path) -> str:
    latest = work_dir / LATEST_FILE
    if latest.is_file():
        state = latest.read_text(encoding='utf-8').strip()
        return f'The same command with --resume continues from {state}.'
    return (
        f'No state of the run has been saved in {work_dir} yet: the same '
        'command starts again, with the selection.'
    )
