# Copyright (c) gps_seg contributors. Apache-2.0.
"""A mask file with the ground truth of an image, as labels of a task."""

from __future__ import annotations

import os
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from gps_seg.app.inputs.picture import Picture, check_file
from gps_seg.datasets.conversion.pair_checks import MASK_THRESHOLD
from gps_seg.datasets.ignored_label import IGNORED

_SHOWN = 5


def read_truth(
    path: str | os.PathLike[str],
    picture: Picture,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]] = (),
) -> np.ndarray:  # shape: (height, width) of the picture
    """Read a mask as labels.

    One channel, or three equal ones, has labels; 255 is ignored. With two
    classes, a mask that has other values than 0, 1 and 255, or no 1, is black
    and white: values above 127 are the object. A mask in colour has the
    colours of the palette.

    Args:
        path: File of the mask.
        picture: Image of the mask; a mask is scaled down with its image.
        classes: Names of the classes of the task.
        palette: Colours of the classes, for masks in colour.

    Raises:
        ValueError: If the file is not an image, differs from the image in
            size, or has labels or colours of no class.
    """
    check_file(path)
    with Image.open(path) as image:
        values = np.asarray(image if image.mode == 'P' else _plain(image))
    if values.shape[:2] != picture.in_file:
        raise ValueError(
            'mask: expected the size of its image, '
            f'{_text(picture.in_file)}, got {_text(values.shape)}. Choose the '
            'mask of this image.'
        )
    labels = labels_of(values, len(classes), palette)
    height, width = picture.size
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)


def labels_of(
    values: np.ndarray,  # shape: (height, width) or (height, width, 3)
    num_classes: int,
    palette: Sequence[Sequence[int]] = (),
) -> np.ndarray:  # shape: (height, width)
    """Labels of the values of a mask; see :func:`read_truth`.

    Example:
        >>> labels_of(np.array([[0, 255]]), 2).tolist()
        [[0, 1]]
        >>> labels_of(np.array([[0, 1, 255]]), 2).tolist()
        [[0, 1, 255]]
    """
    if values.ndim == 3:
        if (values == values[..., :1]).all():
            values = values[..., 0]
        else:
            return _by_colour(values, palette)
    present = set(np.unique(values).tolist())
    if num_classes == 2 and not (present <= {0, 1, IGNORED} and 1 in present):
        return (values > MASK_THRESHOLD).astype(np.uint8)
    wrong = sorted(present - {*range(num_classes), IGNORED})
    if wrong:
        raise ValueError(
            f'mask: expected labels 0 to {num_classes - 1} or {IGNORED}, got '
            f'{wrong[:_SHOWN]}. Choose a mask of this task.'
        )
    return values.astype(np.uint8)


def _plain(image: Image.Image) -> Image.Image:
    """The image in one channel or three."""
    if image.mode in ('1', 'L', 'I', 'I;16'):
        return image.convert('L') if image.mode == '1' else image
    return image.convert('RGB')


def _by_colour(
    values: np.ndarray, palette: Sequence[Sequence[int]]
) -> np.ndarray:
    codes = values.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    labels = np.full(codes.shape, IGNORED, np.uint8)
    known = np.zeros(codes.shape, bool)
    for label, (red, green, blue) in enumerate(palette):
        here = codes == 65536 * red + 256 * green + blue
        labels[here] = label
        known |= here
    if not known.all():
        red, green, blue = values[~known][0].tolist()
        raise ValueError(
            'mask: expected one channel of labels, or the colours of the '
            f'classes, got the colour ({red}, {green}, {blue}). Choose a mask '
            'of this task.'
        )
    return labels


def _text(shape: Sequence[int]) -> str:
    return f'{shape[1]:,} x {shape[0]:,}'
