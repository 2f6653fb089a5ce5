# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a conversion found, for people (text) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

MAX_LISTED = 10

CHECKS = (
    'every image has a mask, every mask an image',
    'every file decodes to its last row',
    'every mask has the size of its image',
    'every mask has polyp pixels and two values (JPEG noise apart)',
    'every image is in exactly one of train and val, and the reverse',
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
        if self.problems:
            raise ValueError(
                f'{self.source}: expected a data set without problems, found '
                f'{len(self.problems)}. Nothing was written. Mend or replace '
                f'these files and convert again.\n'
                f'{_bullets(self.problems, MAX_LISTED)}'
            )

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
            f'Sizes:  {self._size_line()}',
            f'Polyp share of the pixels: {share_line}',
            f'Mid-grey share of the worst mask: {self.max_mid_grey_share:.3%}',
            'Checked, no problem found:',
            _bullets(CHECKS),
        ]
        if self.notes:
            lines += ['Notes:', _bullets(self.notes)]
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
        content = json.dumps(facts, indent=2) + '\n'
        (folder / 'conversion_report.json').write_text(content, 'utf-8')
        (folder / 'conversion_report.txt').write_text(self.text(), 'utf-8')

    def _size_line(self) -> str:
        ranked = sorted(self.sizes.items(), key=lambda kv: (-kv[1], kv[0]))
        shown = ', '.join(f'{size} ({n})' for size, n in ranked[:3])
        more = len(ranked) - 3
        return shown + (f' and {more} more sizes' if more > 0 else '')


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _bullets(lines: Sequence[str], limit: int | None = None) -> str:
    shown = [f'  - {line}' for line in lines[:limit]]
    left = len(lines) - len(shown)
    return '\n'.join(shown + ([f'  - and {left} more'] if left else []))
