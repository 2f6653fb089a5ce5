# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a conversion found, for people (text) and for programs (JSON)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gps_seg.datasets.conversion.report_text import (
    bullets,
    raise_problems,
    size_line,
    write_report,
)

CHECKS = (
    'every image has a mask, every mask an image',
    'every file decodes to its last row',
    'every mask has the size of its image',
    'every mask has polyp pixels and two values (JPEG noise apart)',
    'every image is in exactly one of train and val (or in all), and the '
    'reverse',
    'tuning lists hold training images only, and are disjoint',
    'no image of train is, pixel by pixel, an image of val',
)


@dataclass
class ConversionReport:
    """Facts and problems; a data set with a problem is never written."""

    source: str
    num_pairs: int = 0
    split_sizes: Mapping[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    polyp_shares: list[float] = field(default_factory=list)
    max_mid_grey_share: float = 0.0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_pair(
        self, size: str, polyp_share: float, mid_grey_share: float
    ) -> None:
        """Count one good pair."""
        self.num_pairs += 1
        self.sizes[size] = self.sizes.get(size, 0) + 1
        self.polyp_shares.append(polyp_share)
        self.max_mid_grey_share = max(self.max_mid_grey_share, mid_grey_share)

    def raise_problems(self) -> None:
        """Raise all problems as one error.

        Raises:
            ValueError: If there is any problem.
        """
        raise_problems(self.source, self.problems)

    def text(self) -> str:
        """The report in some twenty lines."""
        shares = self.polyp_shares
        splits = ', '.join(f'{n} {k}' for k, n in self.split_sizes.items())
        share_line = (
            f'mean {_mean(shares):.3f}, '
            f'min {min(shares):.4f}, max {max(shares):.3f}'
        )
        lines = [
            f'Source: {self.source}',
            f'Pairs:  {self.num_pairs} ({splits})',
            f'Sizes:  {size_line(self.sizes)}',
            f'Polyp share of the pixels: {share_line}',
            f'Mid-grey share of the worst mask: {self.max_mid_grey_share:.3%}',
            'Checked, no problem found:',
            bullets(CHECKS),
        ]
        if self.notes:
            lines += ['Notes:', bullets(self.notes)]
        return '\n'.join(lines) + '\n'

    def write(self, folder: Path) -> None:
        """Write ``conversion_report.txt`` and ``.json`` into ``folder``."""
        facts = asdict(self)
        shares = facts.pop('polyp_shares')
        facts['polyp_share'] = {
            'mean': _mean(shares),
            'min': min(shares),
            'max': max(shares),
        }
        facts['checks'] = list(CHECKS)
        write_report(folder, facts, self.text())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
