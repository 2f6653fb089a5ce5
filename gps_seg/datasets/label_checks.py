# Copyright (c) gps_seg contributors. Apache-2.0.
"""Refuse an annotation that cannot be right, before a loss meets it.

Without it a label that is no class ends in an index error of the loss, on a
GPU in an assertion of the device that names no file and kills the process.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from gps_seg.datasets.ignored_label import IGNORED

#: What makes class indices of masks that are pictures; for error messages.
MASK_REMEDY = (
    'Convert the masks to one channel of class indices; '
    'tools/dataset_converters/polyps.py does so with polyps.'
)
_SHOWN = 5


def load_labels(
    sample: Mapping[str, Any],
) -> np.ndarray:  # shape: (height, width), uint8
    """The labels of a sample as MMSegmentation gives them to a model.

    Args:
        sample: What an MMSegmentation data set knows of an image.

    Raises:
        OSError: If the file is not there.
        ValueError: If it cannot be decoded.
    """
    try:
        loaded = LoadAnnotations().transform({**sample, 'seg_fields': []})
    except FileNotFoundError:
        raise
    # Pillow raises SyntaxError, struct.error and more on malformed headers.
    except Exception as error:
        raise ValueError(
            f'expected an image file, cannot decode it ({error}). Fix or '
            'replace the annotation.'
        ) from error
    labels: np.ndarray = loaded['gt_seg_map']
    return labels


def check_labels(
    labels: np.ndarray,
    size: tuple[int, int],
    num_classes: int,
    ignored: int = IGNORED,
) -> None:
    """Refuse labels that are not those of an image.

    Args:
        labels: As :func:`load_labels` gives them.
        size: Height and width of the image.
        num_classes: Labels are ``0 .. num_classes - 1``.
        ignored: Label of pixels that do not count.

    Raises:
        ValueError: If they have channels or another size, or one of them is
            no class.
    """
    if labels.ndim != 2:
        raise ValueError(
            f'expected one channel, got shape {labels.shape}, a picture of '
            f'the labels. {MASK_REMEDY}'
        )
    if labels.shape != size:
        raise ValueError(
            f'expected shape {size}, that of its image, got '
            f'{labels.shape}. Fix or replace the annotation.'
        )
    wrong = (labels >= num_classes) & (labels != ignored)
    if wrong.any():
        raise ValueError(
            f'expected labels 0..{num_classes - 1} or {ignored}, got '
            f'{np.unique(labels[wrong])[:_SHOWN].tolist()} '
            f'({int(wrong.sum())} pixels; counted after reduce_zero_label). '
            'Correct the annotation, num_classes or reduce_zero_label.'
        )


def object_is_ignored(path: str, num: int, name: str, ignored: int) -> str:
    """What to say of a set in which no mask has a pixel of its only object.

    Args:
        path: One of the masks with ignored pixels.
        num: Number of these masks.
        name: Name of the object.
        ignored: Label of pixels that do not count.
    """
    return (
        f'{path}: expected a pixel of {name!r} (label 1) in some mask, got '
        f'none, and {num} mask(s) that hold 0 and {ignored} alone. '
        f'{ignored} is ignored: nothing would be learnt or scored. '
        f'{MASK_REMEDY}'
    )


@TRANSFORMS.register_module()
class CheckLabels(BaseTransform):
    """Refuse an annotation whose size or labels are wrong.

    Goes right after ``LoadAnnotations``, wherever that is.

    Args:
        num_classes: Labels are ``0 .. num_classes - 1`` once
            ``reduce_zero_label`` has been applied.
        ignore_index: Label of pixels that do not count.

    Raises:
        ValueError: If the annotation is no map of one channel with the size
            of the image file, or has another label; names the file.
    """

    def __init__(self, num_classes: int, ignore_index: int = IGNORED) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Check ``gt_seg_map``; give ``results`` back as they are."""
        height, width = results['ori_shape'][:2]
        try:
            check_labels(
                results['gt_seg_map'],
                (height, width),
                self.num_classes,
                self.ignore_index,
            )
        except ValueError as error:
            path = results.get('seg_map_path', 'annotation without a path')
            raise ValueError(f'{path}: {error}') from error
        return results
