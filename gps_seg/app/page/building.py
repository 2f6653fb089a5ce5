# Copyright (c) gps_seg contributors. Apache-2.0.
"""The page in Gradio: what stands where, and what a click does."""

from __future__ import annotations

from html import escape
from typing import Any
from uuid import uuid4

import numpy as np
from PIL import Image

from gps_seg.app.page.html import table
from gps_seg.app.page.input_parts import FIRST_TAB, Inputs
from gps_seg.app.page.numbers import HEAD
from gps_seg.app.page.runs_tab import Runs
from gps_seg.app.page.showing import View, show
from gps_seg.app.page.views import Shown, Views
from gps_seg.app.serving.tasks import Task

TITLE = 'gps_seg: one base, many tasks'
_MOST_NAMES = 4
_HEIGHT = 340  # pixels of the pictures


def build_page(
    gradio: Any, views: Views, runs: Runs | None, facts: str
) -> Any:
    """The page, not started yet.

    Args:
        gradio: The library.
        views: Views of the page.
        runs: Runs of a comparison, for a tab of their own; None for none.
        facts: Line on the base below the title.
    """
    with gradio.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(600, 3600)
    ) as page:
        gradio.HTML(_head(facts), elem_classes='gps-head', padding=False)
        with gradio.Row(equal_height=False):
            with gradio.Column(scale=2, min_width=300):
                inputs = Inputs.build(gradio, views.examples)
            with gradio.Column(scale=5, min_width=320), gradio.Tabs():
                with gradio.Tab(FIRST_TAB) as tab:
                    _single(gradio, views, inputs, tab)
                with gradio.Tab('Compare') as tab:
                    _pair(gradio, views, inputs, tab)
                with gradio.Tab('Numbers') as tab:
                    _numbers(gradio, views, inputs, tab)
                if runs is not None:
                    with gradio.Tab('Runs'):
                        _runs(gradio, runs)
    return page


def card(task: Task) -> str:
    """The facts of a task, one to a line; the first is its name.

    Example:
        >>> print(card(Task('polyps', None, classes=('background', 'polyp'))))
        polyps
        background, polyp
        no delta
    """
    names = ', '.join(task.classes[:_MOST_NAMES])
    more = len(task.classes) - _MOST_NAMES
    lines = [task.name, f'{names} and {more} more' if more > 0 else names]
    size = f'{task.num_bytes / 1000:,.0f} KB'
    dice = '' if task.dice is None else f'Dice {task.dice:.1f}'
    if task.delta is not None:
        lines.append(' · '.join(filter(None, (size, dice))))
    return '\n'.join([*lines, task.method])


def _head(facts: str) -> str:
    return f'<h1>{escape(TITLE)}</h1><p>{escape(facts)}</p>'


def _single(gradio: Any, views: Views, inputs: Inputs, tab: Any) -> None:
    tasks = views.server.tasks
    chosen = gradio.Radio(
        [(card(task), name) for name, task in tasks.items()],
        value=next(iter(tasks)),
        label='Task',
        elem_classes='gps-cards',
        elem_id='task',
    )
    shown = _picture(gradio, 'overlay')

    def segment(*values: Any) -> Shown:
        return _in_own_files(views.single(*values))

    show(
        gradio,
        View('segment', segment, [chosen], [shown, *_texts(gradio)]),
        inputs,
        tab,
    )


def _pair(gradio: Any, views: Views, inputs: Inputs, tab: Any) -> None:
    names = list(views.server.tasks)
    with gradio.Row():
        left, right = (
            gradio.Dropdown(names, value=name, label=label, elem_id=label)
            for label, name in (('Left', names[0]), ('Right', names[-1]))
        )
    slider = gradio.ImageSlider(
        label='Left and right',
        format='png',
        height=_HEIGHT,
        max_height=_HEIGHT,
        buttons=['download', 'fullscreen'],
        elem_id='slider',
    )

    def compare(one: str, other: str, *rest: Any) -> Shown:
        return _in_own_files(views.pair((one, other), *rest))

    show(
        gradio,
        View('compare', compare, [left, right], [slider, *_texts(gradio)]),
        inputs,
        tab,
    )


def _numbers(gradio: Any, views: Views, inputs: Inputs, tab: Any) -> None:
    names = list(views.server.tasks)
    reference = gradio.Dropdown(
        names, value=names[0], label='Changed pixels are counted from'
    )

    def numbers(name: str, image: str, mask: str, _: float) -> tuple[str, str]:
        rows, status = views.table(name, image, mask)
        return table(HEAD, rows), status

    show(
        gradio,
        View('numbers', numbers, [reference], _texts(gradio)),
        inputs,
        tab,
    )


def _runs(gradio: Any, runs: Runs) -> None:
    if runs.picture is not None:
        gradio.Image(
            str(runs.picture),
            label='Score against cost',
            interactive=False,
            buttons=['download', 'fullscreen'],
        )
    gradio.Markdown(runs.table, elem_classes='gps-table')


def _picture(gradio: Any, name: str) -> Any:
    return gradio.Image(
        label='Prediction',
        format='png',
        height=_HEIGHT,
        interactive=False,
        buttons=['download', 'fullscreen'],
        elem_id=name,
    )


def _in_own_files(shown: Shown) -> Shown:
    """A view whose pictures get files of their own.

    Gradio names a file after its content and writes it each time, while
    somebody else who has the same picture may be reading it.
    """
    picture = shown.picture
    if isinstance(picture, tuple):
        return shown._replace(picture=tuple(map(_marked, picture)))
    return (
        shown if picture is None else shown._replace(picture=_marked(picture))
    )


def _marked(pixels: np.ndarray) -> Image.Image:
    """A picture with a text in its file that is never the same."""
    picture = Image.fromarray(pixels)
    picture.info['id'] = uuid4().hex
    return picture


def _texts(gradio: Any) -> list[Any]:
    """The legend, or a table, and the line on the base."""
    with gradio.Column(elem_classes='gps-texts'):
        return [gradio.HTML(padding=False), gradio.HTML(padding=False)]
