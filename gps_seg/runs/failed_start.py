# Copyright (c) gps_seg contributors. Apache-2.0.
"""A run that fails before it begins leaves its work directory as it was.

MMEngine makes a folder named after the time, and writes the config, before it
opens the data. Six tries should not leave six folders.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.logging import MMLogger

from gps_seg.engine.reporting.report_hook import ENVIRONMENT_FILE
from gps_seg.files import write_bytes


@contextmanager
def leaving_no_trace(
    config: Config, has_begun: Callable[[], bool]
) -> Iterator[None]:
    """Undo what a failed start wrote; what was there before stays.

    So does what a run wrote that was started in the same folder meanwhile.

    Args:
        config: Config of the run, with its work directory, which need not
            exist.
        has_begun: Asked after an error: whether the run could begin, so that
            its log is of use.

    Raises:
        BaseException: Whatever is raised inside.
    """
    folder = Path(config.work_dir)
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    names = {ENVIRONMENT_FILE, Path(config.filename or 'config.py').name}
    before = {folder / name: _content(folder / name) for name in names}
    entries = _entries(folder)
    earlier_log = _log_file()
    try:
        yield
    except BaseException:
        if not has_begun() and get_rank() == 0:
            if _log_file() != earlier_log:
                _remove_log_folder()
            if _entries(folder) - entries <= before.keys():
                _restore(before)
            _remove_empty(missing)
        raise


def _entries(folder: Path) -> set[Path]:
    """What lies in a folder; another run shows by its folder of logs."""
    return set(folder.iterdir()) if folder.is_dir() else set()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _log_file() -> str | None:
    return MMLogger.get_current_instance().log_file


def _remove_log_folder() -> None:
    """Remove the folder that the logger of this start writes to."""
    logger = MMLogger.get_current_instance()
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()  # Windows removes no open file
    shutil.rmtree(Path(logger.log_file).parent, ignore_errors=True)


def _restore(before: Mapping[Path, bytes | None]) -> None:
    for path, content in before.items():
        if content is None:
            path.unlink(missing_ok=True)
        elif _content(path) != content:
            write_bytes(content, path)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that this start made, the innermost first."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
