# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the conversion of PraNet's protocol found, set by set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gps_seg.datasets.conversion.copies import (
    Seen,
    lines_on_near_copies,
    same_pixels,
)
from gps_seg.datasets.conversion.polyp_report import ConversionReport
from gps_seg.datasets.conversion.pranet_layout import TRAIN
from gps_seg.datasets.conversion.report import Report
from gps_seg.datasets.conversion.report_text import size_line

_OF_ALL = (
    'the training images have the names of the published ones',
    'no image to train on is, pixel by pixel, an image of a test set',
)
_OF_COUNTS = 'every set has as many images as published'


@dataclass
class PraNetReport(Report):
    """The report on the training set and the five test sets.

    Args:
        partial: Whether a part of the protocol was accepted.
        sets: Name of a set -> the report on it.
    """

    partial: bool = False
    sets: dict[str, ConversionReport] = field(default_factory=dict)

    @property
    def checks(self) -> tuple[str, ...]:
        """What was checked in the sets that are there."""
        of_sets = [line for own in self.sets.values() for line in own.checks]
        of_counts = () if self.partial else (_OF_COUNTS,)
        return (*dict.fromkeys(of_sets), *_OF_ALL, *of_counts)

    def take(self, name: str, report: ConversionReport) -> None:
        """Add the report on one set.

        Args:
            name: Name of the set.
            report: Report on it.
        """
        self.sets[name] = report
        self.problems += [f'{name}: {line}' for line in report.problems]
        self.notes += [f'{name}: {line}' for line in report.notes]
        for size, number in report.sizes.items():
            self.sizes[size] = self.sizes.get(size, 0) + number

    def take_copies(self, seen: Sequence[Seen]) -> None:
        """Report images of several sets; one to train on is a problem.

        Args:
            seen: Images of all sets; a set is the part of each.
        """
        for group in same_pixels(seen):
            sets = {image.part for image in group}
            names = ', '.join(image.name for image in group)
            line = f'identical images: {names}'
            if len(sets) > 1 and TRAIN in sets:
                self.problems.append(
                    f'{line}; an image to train on must not be in a test set'
                )
            elif len(sets) > 1:
                self.notes.append(line)
        self.notes += lines_on_near_copies(seen)

    def pairs(self) -> str:
        """How many pairs there are in each set."""
        numbers = {name: own.num_pairs for name, own in self.sets.items()}
        parts = ', '.join(f'{name} {n}' for name, n in numbers.items())
        return f'{sum(numbers.values())} ({parts})'

    def details(self) -> list[str]:
        """Splits, sizes and polyp pixels of each set."""
        return [
            f'{name}: {own.pairs()}; {size_line(own.sizes)}; '
            f'{own.details()[0]}'
            for name, own in self.sets.items()
        ]

    def facts(self) -> dict[str, Any]:
        """Content of the JSON file."""
        return asdict(self) | {
            'checks': list(self.checks),
            'sets': {name: own.facts() for name, own in self.sets.items()},
        }
