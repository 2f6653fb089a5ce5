# Copyright (c) gps_seg contributors. Apache-2.0.
"""Answers of several tasks from one model, to several threads at once."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from threading import Lock
from time import perf_counter
from typing import NamedTuple

import numpy as np
from mmengine.config import Config
from mmseg.models import BaseSegmentor
from torch import nn

from gps_seg.app.serving.base import BaseCopy, has_trained_head
from gps_seg.app.serving.cache import Cache
from gps_seg.app.serving.forward import Prediction, predict
from gps_seg.app.serving.tasks import BASE, Task
from gps_seg.delta import applied, apply, revert
from gps_seg.engine import build_base

#: Largest number of answers that are kept; of a megapixel, a megabyte each.
MOST_ANSWERS = 64


class Answer(NamedTuple):
    """The answer of a task to an image.

    Args:
        labels: Labels, uint8, shape (height, width) of the image.
        certainty: Mean probability of the predicted class over the pixels of
            each class; NaN for a class that is predicted nowhere.
        seconds_on: Time in which the delta was put on the base.
        seconds_off: Time in which it was taken off again.
        seconds_forward: Time of preparation of the image and prediction.
        base_restored: Whether all bits of the base were the same afterwards.
        is_cached: Whether the answer was kept, and nothing was switched.

    Example:
        >>> labels = np.zeros((2, 2), np.uint8)
        >>> answer = Answer(labels, (0.9,), 0.02, 0.01, 0.5, True)
        >>> answer.seconds_switch
        0.03
    """

    labels: np.ndarray
    certainty: tuple[float, ...]
    seconds_on: float
    seconds_off: float
    seconds_forward: float
    base_restored: bool
    is_cached: bool = False

    @property
    def seconds_switch(self) -> float:
        """Time of putting the delta on and taking it off."""
        return self.seconds_on + self.seconds_off


class TaskServer:
    """One model, and tasks that are put on it in turn.

    Each answer puts a delta on the base, predicts, takes the delta off, and
    compares all bits of the model with a copy of the base. Threads take
    turns, so that tasks never mix. Answers are kept, so that the same task on
    the same image needs no model.

    Args:
        config: Config of the base; builds the model and prepares images.
        tasks: Tasks on this base, one or more. The base itself is added if
            the config starts from weights with a trained head.

    Raises:
        FileNotFoundError: If the weights of the base are missing.
        ValueError: If a task belongs to another base, or the config is not
            that of a segmentor.

    Example::

        tasks = read_tasks(['polyps.safetensors', 'veins.safetensors'])
        server = TaskServer(Config.fromfile('config.py'), tasks)
        answer = server.predict('polyps', image)  # RGB, uint8
    """

    def __init__(self, config: Config, tasks: Sequence[Task]) -> None:
        self.model = _segmentor(config, tasks)
        self.tasks = {task.name: task for task in tasks}
        for task in tasks:
            _require_base(self.model, task)
        if BASE not in self.tasks and has_trained_head(config, self.model):
            self.tasks[BASE] = _base_task(self.model)
        self._pipeline = config.test_pipeline
        self._base = BaseCopy(self.model)
        self._lock = Lock()
        self._answers: Cache[Answer] = Cache(MOST_ANSWERS)

    def predict(
        self,
        name: str,
        image: np.ndarray,  # shape: (height, width, 3)
    ) -> Answer:
        """Segment an image by a task.

        Args:
            name: Name of the task.
            image: RGB, uint8.

        Raises:
            ValueError: If there is no such task.
        """
        if name not in self.tasks:
            raise ValueError(
                f'task: expected one of {", ".join(self.tasks)}, got {name!r}.'
            )
        key = (name, image.shape, hashlib.sha256(image).digest())
        kept = self._answers.get(key)
        if kept is not None:
            return kept._replace(is_cached=True)
        with self._lock:
            answer = self._answer(self.tasks[name], image)
        self._answers.put(key, answer)
        return answer

    def _answer(self, task: Task, image: np.ndarray) -> Answer:
        begin = perf_counter()
        if task.delta is not None:
            apply(self.model, task.delta)
        on = perf_counter()
        try:
            prediction = self._predict(task, image)
        finally:
            forward = perf_counter()
            if task.delta is not None:
                revert(self.model)
        off = perf_counter()
        return Answer(
            *prediction,
            seconds_on=on - begin,
            seconds_off=off - forward,
            seconds_forward=forward - on,
            base_restored=self._base.equals(self.model),
        )

    def _predict(self, task: Task, image: np.ndarray) -> Prediction:
        # MMSegmentation changes the pipeline when it uses it.
        self.model.cfg.test_pipeline = copy.deepcopy(
            task.pipeline or self._pipeline
        )
        return predict(self.model, image, len(task.classes))


def _segmentor(config: Config, tasks: Sequence[Task]) -> BaseSegmentor:
    if not config.get('test_pipeline'):
        raise ValueError(
            'base: expected a config with a test_pipeline, which prepares '
            'images, got one without. Give the config of the training with '
            '--base.'
        )
    seeds = [t.delta.info.seed for t in tasks if t.delta is not None]
    model = build_base(config, seeds[0] if seeds else None)
    if not isinstance(model, BaseSegmentor):
        raise ValueError(
            'base: expected the config of a segmentor, got one of a '
            f'{type(model).__name__}. The page shows masks.'
        )
    return model


def _require_base(model: nn.Module, task: Task) -> None:
    """Put a task on the base once; this compares the whole fingerprint."""
    if task.delta is None:
        return
    if not task.classes:
        raise ValueError(
            f'{task.name}: expected a delta with the names of its classes, '
            'got one without.'
        )
    try:
        with applied(model, task.delta):
            pass
    except ValueError as error:
        raise ValueError(f'{task.name}: {error}') from error


def _base_task(model: nn.Module) -> Task:
    meta = model.dataset_meta
    return Task(
        BASE,
        None,
        classes=tuple(meta['classes']),
        palette=tuple(map(tuple, meta['palette'])),
    )
