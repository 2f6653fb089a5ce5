# Copyright (c) gps_seg contributors. Apache-2.0.
"""A transform that stops at the first annotation that cannot be right.

Without it a label that is no class ends in an index error of the loss, on a
GPU in an assertion of the device that names no file and kills the process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

_SHOWN = 5


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

    def __init__(self, num_classes: int, ignore_index: int = 255) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Check ``gt_seg_map``; give ``results`` back as they are."""
        labels = results['gt_seg_map']
        path = results.get('seg_map_path', 'annotation without a path')
        size = tuple(results['ori_shape'][:2])
        if labels.shape != size:
            raise ValueError(
                f'{path}: expected shape {size}, that of its image, got '
                f'{labels.shape}. Mend or replace the annotation.'
            )
        wrong = (labels >= self.num_classes) & (labels != self.ignore_index)
        if wrong.any():
            raise ValueError(
                f'{path}: expected labels 0..{self.num_classes - 1} or '
                f'{self.ignore_index}, got '
                f'{np.unique(labels[wrong])[:_SHOWN].tolist()} '
                f'({int(wrong.sum())} pixels; counted after '
                'reduce_zero_label). Mend the annotation, or correct '
                'num_classes or reduce_zero_label.'
            )
        return results
