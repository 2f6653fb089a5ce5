# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write the predicted labels of a test as files."""

from typing import Any

import numpy as np
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from gps_seg.engine.label_array import label_array
from gps_seg.engine.testing.image_folder import ImageFolderHook


@HOOKS.register_module()
class PredictionHook(ImageFolderHook):
    """Write the labels of every test image as an 8-bit PNG of class ids.

    Args:
        folder: Output folder; created if missing.

    Example::

        custom_hooks = [dict(type='PredictionHook', folder='predictions')]
    """

    option = '--out'

    def draw(self, runner: Runner, sample: Any) -> np.ndarray:
        """Return the predicted class ids, shape (height, width)."""
        return label_array(sample.pred_sem_seg)
