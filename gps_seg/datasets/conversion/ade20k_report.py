# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the check of an ADE20K archive found."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from gps_seg.datasets.conversion.ade20k_layout import NUM_CLASSES, UNLABELLED
from gps_seg.datasets.conversion.report import Report


@dataclass
class ADE20KReport(Report):
    """The report on ADE20K.

    Args:
        partial: Whether the numbers of pairs were left unchecked.
        num_pairs: Split -> number of good pairs.
        label_pixels: Pixels of each stored label, ``NUM_CLASSES + 1`` long.
    """

    checks: ClassVar[tuple[str, ...]] = (
        'every image has an annotation, every annotation an image',
        'every file decodes to its last row',
        'every annotation is an 8-bit map of one channel',
        'every annotation has the size of its image',
        f'every label is one of {UNLABELLED}..{NUM_CLASSES}',
    )

    partial: bool = False
    num_pairs: dict[str, int] = field(default_factory=dict)
    label_pixels: list[int] = field(
        default_factory=lambda: [0] * (NUM_CLASSES + 1)
    )

    def add_pair(self, split: str, labels: np.ndarray) -> None:
        """Count one good pair.

        Args:
            split: Split that the pair belongs to.
            labels: Stored labels, shape (height, width), uint8.
        """
        self.num_pairs[split] = self.num_pairs.get(split, 0) + 1
        self.add_size(labels.shape)
        counts = np.bincount(labels.ravel(), minlength=NUM_CLASSES + 1)
        self.label_pixels = [
            old + int(new)
            for old, new in zip(self.label_pixels, counts, strict=True)
        ]

    @property
    def num_labels(self) -> int:
        """How many of the classes occur."""
        return sum(pixels > 0 for pixels in self.label_pixels[1:])

    @property
    def unlabelled_share(self) -> float:
        """Share of the pixels without a label."""
        return self.label_pixels[UNLABELLED] / max(1, sum(self.label_pixels))

    def pairs(self) -> str:
        """How many pairs each split has, and whether that was checked."""
        pairs = ', '.join(f'{n} {key}' for key, n in self.num_pairs.items())
        counted = 'not checked (partial)' if self.partial else 'checked'
        return f'{pairs}; numbers {counted}'

    def details(self) -> list[str]:
        """How many classes occur, and how many pixels have none."""
        return [
            f'Labels: {self.num_labels} of {NUM_CLASSES} classes occur, '
            f'{self.unlabelled_share:.1%} of the pixels have none'
        ]
