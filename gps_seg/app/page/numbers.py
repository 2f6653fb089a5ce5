# Copyright (c) gps_seg contributors. Apache-2.0.
"""Numbers of an answer: a line below its legend, a row of the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from gps_seg.app.page.scores import score, share_changed
from gps_seg.app.serving.server import Answer
from gps_seg.app.serving.tasks import Task

HEAD = (
    'task', 'method', 'delta, KB', 'Dice, %', 'IoU, %', 'changed, %',
    'switch, ms', 'prediction, ms', 'base restored',
)  # fmt: skip


def score_line(task: Task, answer: Answer, truth: np.ndarray | None) -> str:
    """Scores of an answer, as HTML; empty without a ground truth.

    Args:
        task: Task of the answer.
        answer: Answer to an image.
        truth: Labels of the ground truth, or None.
    """
    if truth is None:
        return ''
    dice, iou = score(answer.labels, truth, len(task.classes))
    return (
        f'<p class="gps-score">Dice <b>{dice:.1f}</b> % · '
        f'IoU <b>{iou:.1f}</b> %</p>'
    )


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
    dice, iou = (None, None)
    if truth is not None:
        dice, iou = score(answer.labels, truth, len(task.classes))
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
