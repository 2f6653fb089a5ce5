# Copyright (c) gps_seg contributors. Apache-2.0.
"""Errors of data sets that do not name the file.

MMSegmentation opens a file when a batch needs it. If it is damaged, the error
comes from OpenCV, Pillow, NumPy or a loss, which do not know the file.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from PIL import UnidentifiedImageError

#: Errors from an empty or damaged file, an unknown label, an empty data set.
_SYMPTOMS = (
    (cv2.error, r'imdecode|buf\.empty'),
    (UnidentifiedImageError, r'cannot identify image'),
    (IndexError, r'Target -?\d+ is out of bounds'),
    (ValueError, r'need at least one array to concatenate'),
)


@contextmanager
def naming_the_check_of_files() -> Iterator[None]:
    """Name the command that finds the file, if such an error is raised.

    Raises:
        ValueError: If such an error is raised inside.
        Exception: If any other error is raised inside.
    """
    try:
        yield
    except tuple(kind for kind, _ in _SYMPTOMS) as error:
        if not _comes_of_files(error):
            raise
        # An error of a worker process contains a traceback.
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            'data: expected images and masks that can be read, got '
            f'{type(error).__name__}: {reason}. Run python '
            'tools/check_dataset.py with the same config: it opens every '
            'image and mask, and names those that cannot be used.'
        ) from error


def _comes_of_files(error: Exception) -> bool:
    return any(
        isinstance(error, kind) and re.search(words, str(error))
        for kind, words in _SYMPTOMS
    )
