# Copyright (c) gps_seg contributors. Apache-2.0.
"""Clean up the work directory of a run that fails before it begins.

MMEngine creates a folder named after the time, and writes the config, before
it opens the data. Six failed starts should not leave six folders.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.logging import MMLogger

from gps_seg.files import write_bytes
from gps_seg.files.run_files import ENVIRONMENT_FILE


@contextmanager
def leaving_no_trace(
    config: Config, has_begun: Callable[[], bool]
) -> Iterator[None]:
    """Remove the files of a failed start; earlier files stay.

    So does what a run wrote that was started in the same folder meanwhile.

    Args:
        config: Config of the run; its work directory need not exist.
        has_begun: Function that says, after an error, whether the run had
            begun. Then its log is useful and is kept.

    Raises:
        BaseException: If anything is raised inside.
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
    """Remove the log folder of this start."""
    logger = MMLogger.get_current_instance()
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()  # Windows does not remove an open file
    shutil.rmtree(Path(logger.log_file).parent, ignore_errors=True)


def _restore(before: Mapping[Path, bytes | None]) -> None:
    for path, content in before.items():
        if content is None:
            path.unlink(missing_ok=True)
        elif _content(path) != content:
            write_bytes(content, path)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that are empty, in the order given."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
