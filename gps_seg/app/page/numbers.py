# Copyright (c) gps_seg contributors. Apache-2.0.
"""Numbers of an answer: its scores, and its row in a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from gps_seg.app.page.scores import Score, score, share_changed
from gps_seg.app.serving.server import Answer
from gps_seg.app.serving.tasks import Task

HEAD = (
    'task', 'method', 'delta, KB', 'Dice, %', 'IoU, %', 'changed, %',
    'switch, ms', 'prediction, ms', 'base restored',
)  # fmt: skip


def scored(
    task: Task, answer: Answer, truth: np.ndarray | None
) -> Score | None:
    """Scores of an answer; None without a ground truth.

    Args:
        task: Task of the answer.
        answer: Answer to an image.
        truth: Labels of the ground truth, or None.
    """
    if truth is None:
        return None
    return score(answer.labels, truth, len(task.classes))


def row_of(
    task: Task, answer: Answer, truth: np.ndarray | None, first: np.ndarray
) -> list[Any]:
    """The cells of a task, below :data:`HEAD`.

    Args:
        task: Task of the answer.
        answer: Answer to an image.
        truth: Labels of the ground truth, or None.
        first: Labels with which those of the answer are compared.
    """
    dice, iou = scored(task, answer, truth) or (None, None)
    return [
        task.name,
        task.method,
        round(task.num_bytes / 1000),
        _rounded(dice),
        _rounded(iou),
        _rounded(share_changed(answer.labels, first)),
        _rounded(1000 * answer.seconds_switch),
        _rounded(1000 * answer.seconds_forward),
        'yes' if answer.base_restored else 'NO',
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
