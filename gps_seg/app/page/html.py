# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pieces of HTML: legends, lines of facts, messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from gps_seg.app.page.overlay import colours_of, painted_classes
from gps_seg.app.page.scores import Score
from gps_seg.app.serving.server import Answer
from gps_seg.app.serving.tasks import Task

#: Lines after an answer; the test of the page looks for them.
RESTORED = 'The base is restored bit for bit'
NOT_RESTORED = 'The base is not what it was. Stop the page and start it again'
KEPT = 'Shown from memory: nothing was switched'
_MOST_NAMES = 12
_TRUTH = (
    '<li><span class="gps-outline"></span>ground truth</li>'
    '<li class="gps-score">Dice <b>{:.1f}</b> % · IoU <b>{:.1f}</b> %</li>'
)


def message(text: str) -> str:
    """A message about wrong input.

    Example:
        >>> message('got <b>.')
        '<p class="gps-message" role="alert">got &lt;b&gt;.</p>'
    """
    return f'<p class="gps-message" role="alert">{escape(text)}</p>'


def side_of(side: str, name: str) -> str:
    """Heading of one side of a comparison."""
    return f'<p class="gps-side">{escape(side)}: <b>{escape(name)}</b></p>'


def legend(task: Task, answer: Answer, scored: Score | None = None) -> str:
    """Colour, name, share and certainty of each class that is painted.

    Args:
        task: Task of the answer.
        answer: Answer to an image.
        scored: Scores against a ground truth, whose outline is drawn.
    """
    counts = np.bincount(answer.labels.ravel(), minlength=len(task.classes))
    found = [c for c in painted_classes(task.classes) if counts[c]]
    found.sort(key=lambda c: -counts[c])
    chips = [
        _chip(
            colours_of(task)[c],
            task.classes[c],
            _share(counts[c] / answer.labels.size, answer.certainty[c]),
        )
        for c in found[:_MOST_NAMES]
    ]
    if len(found) > _MOST_NAMES:
        chips.append(f'<li>and {len(found) - _MOST_NAMES} more</li>')
    if not found:
        chips.append('<li>nothing found</li>')
    if scored is not None:
        chips.append(_TRUTH.format(*scored))
    return f'<ul class="gps-legend">{"".join(chips)}</ul>'


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; numbers are aligned on the right, None is a dash.

    Example:
        >>> table(['task', 'KB'], [['polyps', 12]]).count('<td')
        2
    """
    if not rows:
        return ''
    top = ''.join(f'<th>{escape(name)}</th>' for name in head)
    lines = [f'<tr>{"".join(map(_cell, row))}</tr>' for row in rows]
    return (
        '<div class="gps-table"><table><thead><tr>'
        f'{top}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def status(answers: Sequence[Answer], note: str = '') -> str:
    """What was switched and how long it took, and a note on the image.

    Args:
        answers: Answers to one image.
        note: Note on the image; may be empty.
    """
    lines = [note] if note else []
    fresh = [answer for answer in answers if not answer.is_cached]
    if not fresh:
        return _paragraph('gps-status', KEPT, *lines)
    if not all(answer.base_restored for answer in fresh):
        return _paragraph('gps-message', NOT_RESTORED, *lines)
    switch = 1000 * sum(answer.seconds_switch for answer in fresh)
    forward = 1000 * sum(answer.seconds_forward for answer in fresh)
    times = f'switch {switch:.0f} ms, prediction {forward:.0f} ms'
    return _paragraph('gps-status gps-restored', RESTORED, times, *lines)


def _chip(colour: Sequence[int], name: str, facts: str) -> str:
    red, green, blue = colour
    return (
        f'<li><span style="background: rgb({red}, {green}, {blue})"></span>'
        f'{escape(name)} <small>{facts}</small></li>'
    )


def _share(share: float, certainty: float) -> str:
    text = f'{100 * share:.1f} % of the image'
    if math.isnan(certainty):
        return text
    return f'{text}, {100 * certainty:.0f} % certain'


def _paragraph(kind: str, *parts: str) -> str:
    texts = ' · '.join(map(escape, parts))
    return f'<p class="{kind}" role="status">{texts}</p>'


def _cell(value: Any) -> str:
    if value is None:
        return '<td>–</td>'
    if isinstance(value, str):
        return f'<td>{escape(value)}</td>'
    return f'<td class="gps-number">{value:,}</td>'
