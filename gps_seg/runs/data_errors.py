# Copyright (c) gps_seg contributors. Apache-2.0.
"""Errors of data sets that name neither the file nor the way to find it.

MMSegmentation opens files when a batch needs them, and what goes wrong is said
by OpenCV, Pillow, NumPy or a loss, far from the file.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from PIL import UnidentifiedImageError

#: Of an empty or damaged file, a label that is no class, an empty data set.
_SYMPTOMS = (
    (cv2.error, r'imdecode|buf\.empty'),
    (UnidentifiedImageError, r'cannot identify image'),
    (IndexError, r'Target -?\d+ is out of bounds'),
    (ValueError, r'need at least one array to concatenate'),
)


@contextmanager
def naming_the_check_of_files() -> Iterator[None]:
    """Say of such an error which command finds the file.

    Raises:
        ValueError: In place of such an error.
        Exception: Any other error that is raised inside.
    """
    try:
        yield
    except tuple(kind for kind, _ in _SYMPTOMS) as error:
        if not _comes_of_files(error):
            raise
        # Of a worker process the text holds a traceback.
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            'data: expected images and masks that can be read, got: '
            f'{type(error).__name__}: {reason}. Run python '
            'tools/check_dataset.py with the same config: it opens every '
            'image and mask, and names those that cannot be used.'
        ) from error


def _comes_of_files(error: Exception) -> bool:
    return any(
        isinstance(error, kind) and re.search(words, str(error))
        for kind, words in _SYMPTOMS
    )
