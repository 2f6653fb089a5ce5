# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the page shows, as a function of what a user has chosen.

A view takes and returns plain values, so that it runs without a page. What a
user can put right comes back as a message instead of an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gps_seg.app.inputs.examples import Examples
from gps_seg.app.inputs.picture import Picture, read_picture
from gps_seg.app.inputs.truth import read_truth
from gps_seg.app.page.html import legend, message, side_of, status
from gps_seg.app.page.numbers import row_of, scored
from gps_seg.app.page.overlay import enlarged, paint
from gps_seg.app.page.scores import share_changed
from gps_seg.app.serving.cache import Cache
from gps_seg.app.serving.server import Answer, TaskServer
from gps_seg.app.serving.tasks import Task

NO_IMAGE = 'Choose an image first: drop a file, use the camera or an example.'
_PICTURES = 16  # that are kept decoded


class Shown(NamedTuple):
    """A picture and the texts below it.

    Args:
        picture: RGB, uint8; None if there is nothing to show. For a
            comparison, the two halves of the slider.
        legend: Classes, as HTML.
        status: Times and the check of the base, or a message, as HTML.
    """

    picture: Any
    legend: str
    status: str


class Views:
    """The views of a page.

    Args:
        server: Server of the tasks.
        examples: Images with masks that the page offers.
    """

    def __init__(self, server: TaskServer, examples: Examples) -> None:
        self.server = server
        self.examples = examples
        self._pictures: Cache[Picture] = Cache(_PICTURES)

    def single(
        self, name: str, image: str | None, mask: str | None, opacity: float
    ) -> Shown:
        """The overlay of one task.

        Args:
            name: Name of the task.
            image: File of the image; None if none has been chosen.
            mask: File with the ground truth; None for that of the example.
            opacity: Opacity of the colours, 0 to 1.
        """
        return _or_message(lambda: self._single(name, image, mask, opacity))

    def pair(
        self,
        names: tuple[str, str],
        image: str | None,
        mask: str | None,
        opacity: float,
    ) -> Shown:
        """The overlays of two tasks, for a slider.

        Args:
            names: Names of the left and the right task.
            image: File of the image; None if none has been chosen.
            mask: File with the ground truth; None for that of the example.
            opacity: Opacity of the colours, 0 to 1.
        """
        return _or_message(lambda: self._pair(names, image, mask, opacity))

    def table(
        self, reference: str, image: str | None, mask: str | None
    ) -> tuple[list[list[Any]], str]:
        """A row of numbers for each task, and a line on the base.

        Args:
            reference: Name of the task from which changed pixels count.
            image: File of the image; None if none has been chosen.
            mask: File with the ground truth; None for that of the example.
        """
        try:
            return self._table(reference, image, mask)
        except ValueError as error:
            return [], message(str(error))

    def _single(
        self, name: str, image: str | None, mask: str | None, opacity: float
    ) -> Shown:
        picture = self._picture(image)
        task, answer = self._ask(name, picture)
        truth = self._truth(task, image, mask, picture)
        return Shown(
            _overlay(picture, answer, task, opacity, truth),
            legend(task, answer, scored(task, answer, truth)),
            status([answer], picture.note),
        )

    def _pair(
        self,
        names: tuple[str, str],
        image: str | None,
        mask: str | None,
        opacity: float,
    ) -> Shown:
        picture = self._picture(image)
        halves, texts, answers = [], [], []
        for side, name in zip(('Left', 'Right'), names, strict=True):
            task, answer = self._ask(name, picture)
            truth = self._truth(task, image, mask, picture)
            halves.append(_overlay(picture, answer, task, opacity, truth))
            texts.append(
                side_of(side, name)
                + legend(task, answer, scored(task, answer, truth))
            )
            answers.append(answer)
        changed = share_changed(*(answer.labels for answer in answers))
        note = f'{changed:.1f} % of the pixels differ'
        notes = ' · '.join(filter(None, (note, picture.note)))
        return Shown(
            tuple(halves),
            f'<div class="gps-pair">{"".join(texts)}</div>',
            status(answers, notes),
        )

    def _table(
        self, reference: str, image: str | None, mask: str | None
    ) -> tuple[list[list[Any]], str]:
        picture = self._picture(image)
        first = self._ask(reference, picture)[1].labels
        rows, answers = [], []
        for name in self.server.tasks:
            task, answer = self._ask(name, picture)
            truth = self._truth(task, image, mask, picture)
            rows.append(row_of(task, answer, truth, first))
            answers.append(answer)
        return rows, status(answers, picture.note)

    def _picture(self, image: str | None) -> Picture:
        if image is None:
            raise ValueError(NO_IMAGE)
        picture = self._pictures.get(image)
        if picture is None:
            picture = read_picture(image)
            self._pictures.put(image, picture)
        return picture

    def _ask(self, name: str, picture: Picture) -> tuple[Task, Answer]:
        answer = self.server.predict(name, picture.pixels)
        return self.server.tasks[name], answer

    def _truth(
        self,
        task: Task,
        image: str | None,
        mask: str | None,
        picture: Picture,
    ) -> np.ndarray | None:
        if mask:
            return read_truth(mask, picture, task.classes, task.palette)
        path = self.examples.mask_of(image) if image else None
        if path is None:
            return None
        try:
            return read_truth(path, picture, task.classes, task.palette)
        except ValueError:  # a mask of other classes than those of this task
            return None


def _overlay(
    picture: Picture,
    answer: Answer,
    task: Task,
    opacity: float,
    truth: np.ndarray | None,
) -> np.ndarray:
    image, labels, truth = enlarged(picture.pixels, answer.labels, truth)
    return paint(image, labels, task, opacity, truth)


def _or_message(view: Callable[[], Shown]) -> Shown:
    try:
        return view()
    except ValueError as error:
        return Shown(None, '', message(str(error)))
