# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base class of hooks that write a picture per test image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner

from gps_seg.engine.testing.image_names import name_images, paths_of


class ImageFolderHook(Hook):
    """Write a PNG for each image of a test, named after the image.

    If images in different folders share a name, the pictures are put into
    folders of the same names.

    Args:
        folder: Output folder; created if missing.
    """

    #: Option of the command line, for messages.
    option: str

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.names: dict[str, str] = {}

    def draw(self, runner: Runner, sample: Any) -> np.ndarray:
        """Draw a sample that has labels; returns grey or BGR, uint8."""
        raise NotImplementedError

    def before_test(self, runner: Runner) -> None:
        """Create the folder, so that a wrong one fails before the test."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.names = name_images(paths_of(runner.test_dataloader.dataset))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Write the pictures of one batch."""
        for sample in outputs or ():
            if 'pred_sem_seg' not in sample:
                raise ValueError(
                    f'{self.option}: expected label maps, got the outputs of '
                    'a model that predicts none. Leave the option out unless '
                    'the model is a segmentor.'
                )
            path = self.path_of(sample.img_path)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not cv2.imwrite(str(path), self.draw(runner, sample)):
                raise OSError(f'{self.option}: could not write {path}.')

    def path_of(self, img_path: str) -> Path:
        """Path of the picture of an image."""
        name = self.names.get(img_path, Path(img_path).stem)
        return self.folder / f'{name}.png'
