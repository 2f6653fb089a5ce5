# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the check of an ADE20K archive found."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from gps_seg.datasets.conversion.ade20k_layout import NUM_CLASSES, UNLABELLED
from gps_seg.datasets.conversion.report_text import (
    bullets,
    raise_problems,
    size_line,
    write_report,
)

CHECKS = (
    'every image has an annotation, every annotation an image',
    'every file decodes to its last row',
    'every annotation is an 8-bit map of one channel',
    'every annotation has the size of its image',
    f'every label is one of {UNLABELLED}..{NUM_CLASSES}',
)


@dataclass
class ADE20KReport:
    """Facts and problems; a data set with a problem is never written.

    Args:
        source: Name of the archive or folder.
        partial: Whether the numbers of pairs were left unchecked.
        num_pairs: Split -> good pairs.
        sizes: ``'<width>x<height>'`` -> images.
        label_pixels: Pixels of each stored label, ``NUM_CLASSES + 1`` long.
        notes: Worth knowing, no reason to stop.
        problems: Each of them stops the conversion.
    """

    source: str
    partial: bool = False
    num_pairs: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    label_pixels: list[int] = field(
        default_factory=lambda: [0] * (NUM_CLASSES + 1)
    )
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_pair(self, split: str, labels: np.ndarray) -> None:
        """Count one good pair.

        Args:
            split: Split that it belongs to.
            labels: shape (height, width), uint8, as stored.
        """
        size = f'{labels.shape[1]}x{labels.shape[0]}'
        self.num_pairs[split] = self.num_pairs.get(split, 0) + 1
        self.sizes[size] = self.sizes.get(size, 0) + 1
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
        """Share of the pixels that nobody labelled."""
        return self.label_pixels[UNLABELLED] / max(1, sum(self.label_pixels))

    def raise_problems(self) -> None:
        """Raise all problems as one error.

        Raises:
            ValueError: If there is any problem.
        """
        raise_problems(self.source, self.problems)

    def text(self) -> str:
        """The report in some ten lines."""
        pairs = ', '.join(
            f'{n} {split}' for split, n in self.num_pairs.items()
        )
        counted = 'not checked (partial)' if self.partial else 'checked'
        lines = [
            f'Source: {self.source}',
            f'Pairs:  {pairs}; numbers {counted}',
            f'Sizes:  {size_line(self.sizes)}',
            f'Labels: {self.num_labels} of {NUM_CLASSES} classes occur, '
            f'{self.unlabelled_share:.1%} of the pixels have none',
            'Checked, no problem found:',
            bullets(CHECKS),
        ]
        if self.notes:
            lines += ['Notes:', bullets(self.notes)]
        return '\n'.join(lines) + '\n'

    def write(self, folder: Path) -> None:
        """Write ``conversion_report.txt`` and ``.json`` into ``folder``."""
        facts = asdict(self) | {'checks': list(CHECKS)}
        write_report(folder, facts, self.text())
