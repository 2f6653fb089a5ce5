# Copyright (c) gps_seg contributors. Apache-2.0.
"""Open every file of a data set, and count what the masks hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
from mmengine import fileio

from gps_seg.datasets.conversion.pictures import (
    SUFFIXES,
    check_upright,
    decode,
)
from gps_seg.datasets.conversion.problems import PairError, about, problems_of
from gps_seg.datasets.ignored_label import IGNORED
from gps_seg.datasets.label_checks import (
    MASK_REMEDY,
    check_labels,
    load_labels,
    object_is_ignored,
)
from gps_seg.datasets.own_folder.masks.files import read_mask
from gps_seg.datasets.own_folder.masks.rules import Rule, apply_rule
from gps_seg.datasets.progress import Progress
from gps_seg.text.table import aligned

Sample = Mapping[str, Any]

UNOPENED = 'images of a format that is not opened'
UNLABELLED = 'masks in which every pixel is ignored'
EMPTY = 'masks of background alone'
EMPTY_OR_IGNORED = 'masks of background and ignored pixels alone'
MOST_LABELS = 256
_BAR = 30  # characters of the longest bar


@dataclass
class FileFacts:
    """What was found in the files of a data set.

    Args:
        classes: Names of the classes; empty for a set without masks.
        ignored: Label of pixels that do not count.
        pixels: Pixels of each label, 256 long.
        images: Images with some pixel of each label, 256 long.
        notes: Remark -> paths of the files that it applies to.
        problems: Lines, one for each file that cannot be used.
    """

    classes: Sequence[str] = ()
    ignored: int = IGNORED
    pixels: np.ndarray = field(
        default_factory=lambda: np.zeros(MOST_LABELS, np.int64)
    )
    images: np.ndarray = field(
        default_factory=lambda: np.zeros(MOST_LABELS, np.int64)
    )
    notes: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, path: str, labels: np.ndarray) -> None:
        """Count the labels of one good mask.

        Args:
            path: Path of the mask.
            labels: Label map, shape (height, width), uint8.
        """
        counts = np.bincount(labels.ravel(), minlength=MOST_LABELS)
        self.pixels += counts
        self.images += counts > 0
        present = (counts > 0) & ~self._is_ignored()
        kind = self._kind(present, bool(counts[self._is_ignored()].any()))
        if kind:
            self.note(kind, path)

    def note(self, kind: str, path: str) -> None:
        """Note a file that is unusual but may be intended."""
        self.notes.setdefault(kind, []).append(path)

    def note_lines(self) -> Iterator[str]:
        """A line for each kind of note."""
        for kind, paths in self.notes.items():
            yield f'{len(paths):,} {kind}, such as {paths[0]}'

    def images_of_classes(self) -> list[int]:
        """Number of images with each of the classes that occur."""
        return [int(self.images[label]) for label in self._present()]

    def histogram(self) -> str:
        """The classes that occur, those with most pixels first."""
        present = self._present()
        if not present:
            return ''
        total = self.pixels.sum()
        present.sort(key=lambda label: -self.pixels[label])
        rows = [('class', 'images', 'pixels', '')]
        for label in present:
            share = self.pixels[label] / total
            images = f'{self.images[label]:,}'
            bar = '#' * round(_BAR * self.pixels[label] / self.pixels.max())
            name = self.classes[label]
            rows.append((name, images, f'{share:.3%}', bar.ljust(_BAR)))
        lines = [aligned(rows)]
        ignored = self.pixels[self._is_ignored()].sum() / total
        lines.append(f'ignored ({self.ignored}): {ignored:.3%}')
        absent = len(self.classes) - len(present)
        if absent:
            lines.append(f'{absent} of {len(self.classes)} never occur')
        return '\n'.join(lines)

    def _present(self) -> list[int]:
        """Labels of the classes that occur."""
        present = (self.pixels > 0) & ~self._is_ignored()
        return [int(label) for label in np.flatnonzero(present)]

    def _is_ignored(self) -> np.ndarray:
        """Mask of the ignored label, shape (256,); may be all false."""
        return np.arange(MOST_LABELS) == self.ignored

    def _kind(self, present: np.ndarray, some_ignored: bool) -> str:
        if not present.any():
            return UNLABELLED
        if len(self.classes) != 2 or present[1]:
            return ''
        return EMPTY_OR_IGNORED if some_ignored else EMPTY


def check_files(
    samples: Sequence[Sample],
    classes: Sequence[str],
    ignored: int,
    progress: Progress[Sample] = iter,
    rule: Rule | None = None,
) -> FileFacts:
    """Decode all images and masks, and check the labels of the masks.

    Args:
        samples: Samples of a data set with ``img_path`` and, if there are
            masks, ``seg_map_path``.
        classes: Names of the classes of the masks.
        ignored: Label of pixels that do not count.
        progress: Wrapper of the samples that shows a progress bar.
        rule: Rule of ``LoadMask``; None if the masks hold labels.
    """
    facts = FileFacts(classes, ignored)
    facts.problems += problems_of(
        samples, lambda sample: _check_sample(sample, facts, rule), progress
    )
    facts.problems += _of_the_whole(facts)
    return facts


def _check_sample(sample: Sample, facts: FileFacts, rule: Rule | None) -> None:
    path = str(sample['img_path'])
    if not _is_picture(path):
        facts.note(UNOPENED, path)
        return
    size = _open(path).shape[:2]
    if 'seg_map_path' not in sample:
        return
    about(path, check_upright, fileio.get(path))
    path = str(sample['seg_map_path'])
    if rule is None:
        _check_bits(path)
    try:
        if rule is None:
            labels = load_labels(sample)
        else:
            labels = apply_rule(rule, read_mask(fileio.get(path)))
        check_labels(labels, size, len(facts.classes), facts.ignored)
    except (OSError, ValueError) as error:
        raise PairError(f'{path}: {error}') from error
    facts.add(path, labels)


def _check_bits(path: str) -> None:
    stored = _open(path)
    if stored.dtype not in (np.uint8, np.bool_):
        raise PairError(f'{path}: expected 8 bits, got {stored.dtype}')


def _is_picture(path: str) -> bool:
    return PurePath(path).suffix.lower() in SUFFIXES


def _open(path: str) -> np.ndarray:
    try:
        return decode(fileio.get(path), None)
    except (OSError, PairError) as error:
        raise PairError(f'{path}: {error}') from error


def _of_the_whole(facts: FileFacts) -> Iterator[str]:
    """What only all masks together show: the object itself is ignored."""
    void = facts.notes.get(UNLABELLED, [])
    if len(facts.classes) == 2 and not facts.pixels[1]:
        white = [*facts.notes.get(EMPTY_OR_IGNORED, []), *void]
        if white:
            yield object_is_ignored(
                white[0], len(white), facts.classes[1], facts.ignored
            )
    elif void and not facts.images_of_classes():
        yield (
            f'{void[0]}: expected pixels of a class in some mask, got '
            f'{len(void)} mask(s) with {facts.ignored} alone, the ignored '
            f'label. {MASK_REMEDY}'
        )
