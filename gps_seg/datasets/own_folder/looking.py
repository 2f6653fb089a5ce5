# Copyright (c) gps_seg contributors. Apache-2.0.
"""Look at two folders of images and masks, without changing anything."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gps_seg.datasets.conversion.problems import problems_of
from gps_seg.datasets.ignored_label import IGNORED
from gps_seg.datasets.own_folder.found import Found
from gps_seg.datasets.own_folder.grouping import (
    group_names,
    near_copies,
    note_on_divided,
    read_grouping,
)
from gps_seg.datasets.own_folder.masks.deciding import decide
from gps_seg.datasets.own_folder.masks.decision import Decision
from gps_seg.datasets.own_folder.masks.facts import (
    MaskFacts,
    facts_as_colours,
)
from gps_seg.datasets.own_folder.masks.given_classes import read_given
from gps_seg.datasets.own_folder.masks.rules import classes_of
from gps_seg.datasets.own_folder.matching import (
    how_to_skip,
    lines_on,
    match,
    note_on_unlabelled,
    raise_problems,
)
from gps_seg.datasets.own_folder.opening import Opened, open_pair
from gps_seg.datasets.own_folder.pairing import Pair
from gps_seg.datasets.progress import Progress

#: Fewest pairs that can be split: four to train on, one to validate.
LEAST_PAIRS = 5


def look(
    images: str | Path,
    masks: str | Path,
    *,
    classes: Sequence[str] | Mapping[Any, str] | None = None,
    groups: str | Path | None = None,
    skip_unlabelled: bool = False,
    progress: Progress[Pair] = iter,
    comparing: Progress[Any] = iter,
) -> Found:
    r"""Open every image and mask once, and decide what the masks mean.

    Names are paired as :func:`~.pairing.pair_up` says; what masks may hold is
    said at :func:`~.masks.value_kinds.decide_values` and
    :func:`~.masks.colour_kinds.decide_colours`. Nothing is written.

    Args:
        images: Folder of the images; its sub-folders are read, too.
        masks: Folder of the masks, likewise.
        classes: Names of the classes: in order, or by value, or by colour
            (``'#ff0000'`` or ``(255, 0, 0)``). What is called ``'ignored'``
            or ``'void'`` is neither learnt nor scored. None makes up names.
        groups: Images that must not be divided: a regular expression whose
            first group is the group of a name, such as ``'(.+)_\d+$'``;
            or a file ``*.csv`` with the columns ``image,group``.
        skip_unlabelled: Whether to leave out images without a mask; they are
            listed in ``unlabelled`` of the result. Else they are an error.
        progress: Wrapper of the pairs that shows a progress bar.
        comparing: Wrapper of the comparisons of all images that shows one.

    Raises:
        FileNotFoundError: If a folder or the table of groups does not exist.
        NotADirectoryError: If a folder is a file.
        ValueError: If files cannot be used, which lists the first ten and the
            number of all; if there are fewer than ``LEAST_PAIRS`` pairs; if
            the masks are of no known kind, or do not fit the names.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     for kind in ('images', 'masks'):
        ...         Path(folder, kind).mkdir()
        ...         for n in range(5):
        ...             picture = Image.new('L', (64, 64))
        ...             picture.paste(255, (n, 0, 32, 32))
        ...             picture.save(Path(folder, kind, f'{n}.png'))
        ...     found = look(Path(folder, 'images'), Path(folder, 'masks'))
        >>> found.classes, found.rule['values']
        (('background', 'object'), [0, 255])
    """
    given, grouping = read_given(classes), read_grouping(groups)
    matched = match(Path(images), Path(masks))
    names = [pair.name for pair in matched.pairs]
    in_groups, ungrouped = group_names(names, grouping)
    opened = Opened()
    of_files = problems_of(
        matched.pairs,
        lambda pair: open_pair(pair, Path(images), Path(masks), opened),
        progress,
    )
    unlabelled = () if skip_unlabelled else matched.unlabelled
    problems = [*matched.problems, *ungrouped, *of_files]
    problems += lines_on(unlabelled)
    raise_problems(problems, images, masks, how_to_skip(unlabelled))
    _require_enough(len(names), images)
    decision = decide(opened.facts, given)
    copies, on_copies = near_copies(names, np.array(opened.looks), comparing)
    pixels, ignored = _pixels(opened.facts, decision)
    return Found(
        images=str(images),
        masks=str(masks),
        pairs=matched.pairs,
        sizes=dict(opened.sizes),
        rule=decision.rule,
        classes=decision.names,
        palette=decision.palette,
        background=decision.background,
        pixels=pixels,
        ignored=ignored,
        groups=in_groups,
        near_copies=copies,
        notes=(
            *note_on_unlabelled(matched.unlabelled),
            *matched.notes,
            *decision.notes,
            *opened.notes(),
            *on_copies,
            *note_on_divided(copies, in_groups),
        ),
        unlabelled=matched.unlabelled,
    )


def _pixels(
    facts: Sequence[MaskFacts], decision: Decision
) -> tuple[np.ndarray, float]:
    """Pixels of each class in each image, and the share that is ignored."""
    number = len(decision.names)
    pixels = np.zeros((len(facts), number), np.int64)
    of_colours = 'colours' in decision.rule
    ignored = total = 0
    for row, one in zip(pixels, facts, strict=True):
        if of_colours:
            one = facts_as_colours(one)
        classes = classes_of(decision.rule, one.values)
        counted = np.bincount(classes, one.counts, IGNORED + 1)
        row[:] = counted[:number]
        ignored += int(counted[IGNORED])
        total += int(counted.sum())
    return pixels, ignored / total


def _require_enough(number: int, images: str | Path) -> None:
    if number < LEAST_PAIRS:
        raise ValueError(
            f'{images}: expected {LEAST_PAIRS} or more images with masks, to '
            f'train on some and validate on others, got {number}. Add images.'
        )
