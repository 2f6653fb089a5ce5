# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a conversion found, for people (text) and for programs (JSON)."""

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from gps_seg.datasets.conversion.report_text import (
    bullets,
    raise_problems,
    size_line,
)


@dataclass
class Report(ABC):
    """Facts and problems; a data set with a problem is never written.

    Args:
        source: Name of the archive or folder.
        sizes: ``'<width>x<height>'`` -> number of images.
        notes: Lines that are worth knowing and no reason to stop.
        problems: Lines that each stop the conversion.
    """

    checks: ClassVar[tuple[str, ...]] = ()

    source: str
    sizes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_size(self, shape: tuple[int, ...]) -> None:
        """Count an image of shape (height, width, ...)."""
        size = f'{shape[1]}x{shape[0]}'
        self.sizes[size] = self.sizes.get(size, 0) + 1

    def raise_problems(self) -> None:
        """Raise all problems as one error.

        Raises:
            ValueError: If there is any problem.
        """
        raise_problems(self.source, self.problems)

    @abstractmethod
    def pairs(self) -> str:
        """How many pairs there are, in a few words."""

    @abstractmethod
    def details(self) -> list[str]:
        """Further lines of the text."""

    def facts(self) -> dict[str, Any]:
        """Content of the JSON file."""
        return asdict(self) | {'checks': list(self.checks)}

    def text(self) -> str:
        """The report in some twenty lines."""
        lines = [
            f'Source: {self.source}',
            f'Pairs:  {self.pairs()}',
            f'Sizes:  {size_line(self.sizes)}',
            *self.details(),
            'Checked, no problem found:',
            bullets(self.checks),
        ]
        if self.notes:
            lines += ['Notes:', bullets(self.notes)]
        return '\n'.join(lines) + '\n'

    def write(self, folder: Path) -> None:
        """Write ``conversion_report.txt`` and ``.json`` into ``folder``."""
        facts = json.dumps(self.facts(), indent=2) + '\n'
        (folder / 'conversion_report.json').write_text(facts, 'utf-8')
        (folder / 'conversion_report.txt').write_text(self.text(), 'utf-8')
