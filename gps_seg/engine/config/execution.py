# Copyright (c) gps_seg contributors. Apache-2.0.
"""Run a config file and its bases, and name the line that fails.

A config is the user's program. Whatever it raises is an error in that file,
not in this package.
"""

import traceback
from pathlib import Path

from mmengine.config import Config


def run_config(path: Path) -> Config:
    """Run the config in a file.

    Args:
        path: Existing file.

    Raises:
        FileNotFoundError: If a file that the config reads, such as a base, is
            missing.
        ValueError: If two bases set the same key, or anything else goes wrong
            in the file or its bases; the line is named.
    """
    try:
        return Config.fromfile(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            'config: expected all files that it reads to exist, got nothing '
            f'at {error.filename} (read by {path}).'
        ) from error
    except Exception as error:
        if 'Duplicate key is not allowed' in str(error):
            raise ValueError(
                f'_base_: expected bases that set different keys, got {error} '
                f'({path}). If your config has its own custom_hooks, use '
                '--method gps --k 1 instead of gps_seg::_base_/gps.py.'
            ) from error
        raise ValueError(
            'config: expected a config that can be read, got '
            f'{_reason(error)} ({_place(error, path)}).'
        ) from error


def _reason(error: Exception) -> str:
    # MMEngine adds the list of all import paths to a failed import.
    first = str(error).partition(', the current sys.path')[0]
    return f'{type(error).__name__}: {first}'.rstrip(': ')


def _place(error: Exception, path: Path) -> str:
    """The file, and the line if a line of a config raised the error."""
    if isinstance(error, SyntaxError):
        return str(path)  # its message has the line
    last = traceback.extract_tb(error.__traceback__)[-1]
    if last.name == '<module>':
        return f'{last.filename}, line {last.lineno}'
    return str(path)
