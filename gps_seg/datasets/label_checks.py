# Copyright (c) gps_seg contributors. Apache-2.0.
"""Refuse a wrong annotation before it reaches the loss.

In the loss, a label that is no class raises an index error. On a GPU it fails
an assertion of the device, which names no file and ends the process.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from gps_seg.datasets.ignored_label import IGNORED

#: Advice for error messages about masks that are not class indices.
MASK_REMEDY = (
    'Convert the masks to one channel of class indices; '
    'tools/dataset_converters/polyps.py does this for polyps.'
)
_SHOWN = 5


def load_labels(
    sample: Mapping[str, Any],
) -> np.ndarray:  # shape: (height, width), uint8
    """The labels of a sample as a model of MMSegmentation receives them.

    Args:
        sample: Sample of an MMSegmentation data set.

    Raises:
        OSError: If the file does not exist.
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
    """Refuse labels that do not fit their image or the classes.

    Args:
        labels: Labels from :func:`load_labels`.
        size: Height and width of the image.
        num_classes: Number of classes; labels are ``0 .. num_classes - 1``.
        ignored: Label of pixels that do not count.

    Raises:
        ValueError: If the labels have channels, differ from the image in
            size, or one of them is not a class.
    """
    if labels.ndim != 2:
        raise ValueError(
            f'expected one channel, got shape {labels.shape}. {MASK_REMEDY}'
        )
    if labels.shape != size:
        raise ValueError(
            f'expected the shape of its image, {size}, got {labels.shape}. '
            'Fix or replace the annotation.'
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
    """Error message for a set in which every pixel of the object is ignored.

    Args:
        path: Path of one of the masks with ignored pixels.
        num: Number of these masks.
        name: Name of the object.
        ignored: Label of pixels that do not count.
    """
    return (
        f'{path}: expected a pixel of {name!r} (label 1) in some mask, got '
        f'none; {num} mask(s) hold 0 and {ignored} alone. {ignored} is '
        'ignored, so nothing would be learnt or scored. '
        f'{MASK_REMEDY}'
    )


@TRANSFORMS.register_module()
class CheckLabels(BaseTransform):
    """Refuse an annotation whose size or labels are wrong.

    In a pipeline it comes right after ``LoadAnnotations``. An image without an
    annotation passes: inference runs the test pipeline on such images.

    Args:
        num_classes: Number of classes; labels are ``0 .. num_classes - 1``
            once ``reduce_zero_label`` has been applied.
        ignore_index: Label of pixels that do not count.

    Raises:
        ValueError: If the annotation has channels, differs from the image
            file in size, or has another label; names the file.

    Example:
        In a config: ``dict(type='CheckLabels', num_classes=2)``.

        >>> labels = np.eye(4, 6, dtype=np.uint8)
        >>> sample = {'gt_seg_map': labels, 'ori_shape': (4, 6)}
        >>> CheckLabels(num_classes=2).transform(sample) is sample
        True
    """

    def __init__(self, num_classes: int, ignore_index: int = IGNORED) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Check ``gt_seg_map``; return ``results`` unchanged."""
        if not {'gt_seg_map', 'seg_map_path'} & results.keys():
            return results
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
