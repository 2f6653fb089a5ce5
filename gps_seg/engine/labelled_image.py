# Copyright (c) gps_seg contributors. Apache-2.0.
"""A picture of the labels of a predicted sample."""

from __future__ import annotations

import mmcv
import numpy as np
from mmengine.structures import BaseDataElement

from gps_seg.datasets.ignored_label import with_unknown
from gps_seg.engine.label_array import label_array
from gps_seg.visualization import Overlay


def overlay_of(sample: BaseDataElement, title: str, ignored: int) -> Overlay:
    """Read the image of a sample and put its label maps beside it.

    Args:
        sample: Sample with ``img_path``, ``pred_sem_seg`` and, if there is a
            ground truth, ``gt_sem_seg``. Label maps are resized to the image.
        title: Text above the picture.
        ignored: Label of pixels without a ground truth.
    """
    image = mmcv.imread(sample.img_path, channel_order='rgb')
    size = image.shape[:2]
    truth = None
    if 'gt_sem_seg' in sample:
        truth = with_unknown(_label_map(sample.gt_sem_seg, size), ignored)
    return Overlay(
        image=image,
        prediction=_label_map(sample.pred_sem_seg, size),
        truth=truth,
        title=title,
    )


def _label_map(
    labels: BaseDataElement, size: tuple[int, int]
) -> np.ndarray:  # shape: size
    array = label_array(labels)
    if array.shape == size:
        return array
    height, width = size
    return mmcv.imresize(array, (width, height), interpolation='nearest')
