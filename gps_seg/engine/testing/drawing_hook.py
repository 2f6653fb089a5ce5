# Copyright (c) gps_seg contributors. Apache-2.0.
"""Draw what a test predicts, beside the image and its ground truth."""

from typing import Any

import numpy as np
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from gps_seg.datasets.ignored_label import ignored_label
from gps_seg.engine.labelled_image import overlay_of
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.testing.image_folder import ImageFolderHook
from gps_seg.visualization import ClassColours
from gps_seg.visualization.images.strip import draw_strip


@HOOKS.register_module()
class DrawingHook(ImageFolderHook):
    """Draw every test image in the style of ``overlays.png``.

    One PNG per image shows the image, its ground truth and the prediction
    with its errors, side by side.

    Args:
        folder: Output folder; created if missing.

    Example::

        custom_hooks = [dict(type='DrawingHook', folder='drawings')]
    """

    option = '--show-dir'

    def draw(self, runner: Runner, sample: Any) -> np.ndarray:
        """Draw the panels of a sample; returns BGR."""
        # With test-time augmentation the model is inside a wrapper.
        model = bare_model(runner)
        ignored = ignored_label(getattr(model, 'module', model))
        metainfo = runner.test_dataloader.dataset.metainfo
        strip = draw_strip(
            overlay_of(sample, '', ignored),
            ClassColours.from_metainfo(metainfo),
        )
        return strip[..., ::-1]
