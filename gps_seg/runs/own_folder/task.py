# Copyright (c) gps_seg contributors. Apache-2.0.
"""A trained task in Python: predict, evaluate, save, load."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple, Self

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from gps_seg.delta import Delta, DeltaInfo
from gps_seg.engine import build_tuned
from gps_seg.engine.hub.task_files import Address, find_task
from gps_seg.engine.label_array import label_array
from gps_seg.engine.testing.segmenting import segment
from gps_seg.files import replacing
from gps_seg.runs.console.screen import Console, quiet
from gps_seg.runs.own_folder.scoring import images_to_score


class Prediction(NamedTuple):
    """The prediction for one image, in the size of its file.

    Args:
        labels: Class of each pixel, shape (height, width), uint8.
        probabilities: Probability of each class, shape (classes, height,
            width), float32.

    Example::

        labels, probabilities = task.predict('image.jpg')
        prediction = Prediction(labels, probabilities.round(3))
    """

    labels: np.ndarray
    probabilities: np.ndarray


class Task:
    """A model that has been tuned to a task.

    Args:
        config: Config of its training.
        delta: File of its delta.

    Attributes:
        model: The tuned model, a segmentor of MMSegmentation.
        classes: Names of the classes; the labels are positions in it.
        info: Facts in the delta: scores, method, seed.

    Example::

        task = Task.load('polyps.safetensors')
        labels = task.predict('image.jpg').labels
    """

    def __init__(self, config: Config, delta: str | Path) -> None:
        self.config = config
        self.delta = Path(delta)
        with quiet():
            self.model: nn.Module = build_tuned(config, delta)

    @classmethod
    def load(cls, path: Address) -> Self:
        """Load a task that :meth:`save` or ``gps-seg share`` wrote.

        The config of its training comes with it, and is read as data. The
        pretrained weights of its base must be at hand, or are downloaded.

        Args:
            path: File of a delta, a folder of ``gps-seg share``, or
                ``hf://OWNER/NAME[@REVISION]``; see
                :func:`~gps_seg.engine.hub.task_files.find_task`.

        Raises:
            FileNotFoundError: If there is no such file, or no base.
            ValueError: If it is no delta, has no config, or does not fit.
        """
        files = find_task(path)
        return cls(files.read_config(), files.weights)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.model.dataset_meta['classes'])

    @property
    def info(self) -> DeltaInfo:
        """What the delta says about itself."""
        return Delta.load(self.delta).info

    def predict(self, image: str | Path | np.ndarray) -> Prediction:
        """Predict the classes of an image.

        Args:
            image: File of an image; or an image, RGB, uint8, of shape
                (height, width, 3).

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no image.
        """
        if not isinstance(image, np.ndarray):
            image = _read(Path(image))
        sample = segment(self.model, image)
        logits = sample.seg_logits.data.float()
        if len(logits) == 1:  # one mask alone: the object's logit
            object_ = logits.sigmoid()
            probabilities = torch.cat([1 - object_, object_])
        else:
            probabilities = logits.softmax(0)
        return Prediction(
            label_array(sample.pred_sem_seg).astype(np.uint8),
            probabilities.cpu().numpy(),
        )

    def evaluate(
        self, images: str | Path | None = None, masks: str | Path | None = None
    ) -> dict[str, float]:
        """Score the task on images with masks.

        Args:
            images: Folder of images; None for those that the training
                validated.
            masks: Folder of their masks, of the same kind as those of the
                training.

        Returns:
            ``image_mDice`` and ``image_mIoU``, means over the images, and
            ``mDice`` and ``mIoU``, pooled over all pixels; in percent. See
            :class:`gps_seg.evaluation.DiceIoUMetric`.

        Raises:
            FileNotFoundError: If a folder or an image is missing.
            ValueError: If one folder is missing, images and masks do not
                pair, or a mask holds what those of the training do not.
        """
        with Console(), tempfile.TemporaryDirectory() as folder:
            data = images_to_score(self.config, images, masks, Path(folder))
            scores = data.score(self.model)
        means = {
            f'image_m{name}': float(np.mean(values))
            for name, values in scores.per_image.items()
        }
        return {**means, **scores.pooled}

    def save(self, path: str | Path) -> Path:
        """Write the task to one file.

        Args:
            path: File to create or replace; ends in ``.safetensors``.

        Raises:
            ValueError: If the name has another ending.
        """
        path = Path(path)
        if path.suffix != '.safetensors':
            raise ValueError(
                f'path: expected a name that ends in .safetensors, got {path}.'
            )
        with replacing(path) as partial:
            shutil.copyfile(self.delta, partial)
        return path


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(
            f'image: expected a file, got nothing at {path}.'
        )
    image = mmcv.imread(path)
    if image is None:
        raise ValueError(
            f'image: expected a picture that can be decoded, got {path}.'
        )
    return image[..., ::-1]  # RGB
