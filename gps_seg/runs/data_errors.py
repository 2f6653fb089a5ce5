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
    """Add to such errors which command finds the file.

    Raises:
        Exception: What is raised inside, with a note.
    """
    try:
        yield
    except tuple(kind for kind, _ in _SYMPTOMS) as error:
        if _comes_of_files(error):
            error.add_note(
                'This comes of the files of the data set. Run '
                'python tools/check_dataset.py with the same config: it opens '
                'every image and mask, and names those that cannot be used.'
            )
        raise


def _comes_of_files(error: Exception) -> bool:
    return any(
        isinstance(error, kind) and re.search(words, str(error))
        for kind, words in _SYMPTOMS
    )
