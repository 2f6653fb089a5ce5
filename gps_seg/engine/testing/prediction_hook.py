# Copyright (c) gps_seg contributors. Apache-2.0.
"""Keep the predicted labels of a test run as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@HOOKS.register_module()
class PredictionHook(Hook):
    """Write the labels of every test image as an 8-bit PNG of class ids.

    Args:
        folder: Is made if needed; files are named after the images.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def before_test(self, runner: Runner) -> None:
        """Fail before the first image if the folder cannot be made."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Write the labels of one batch."""
        for sample in outputs or ():
            if 'pred_sem_seg' not in sample:
                raise ValueError(
                    '--out: expected label maps, got the outputs of a model '
                    'that predicts none. Leave --out away unless the model '
                    'is a segmentor.'
                )
            labels = sample.pred_sem_seg.data[0].cpu().numpy()
            path = self.folder / f'{Path(sample.img_path).stem}.png'
            if not cv2.imwrite(str(path), labels.astype(np.uint8)):
                raise OSError(f'labels: could not write {path}.')
