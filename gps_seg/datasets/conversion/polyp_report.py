# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the conversion of images and masks of polyps found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from gps_seg.datasets.conversion.report import Report

_OF_PAIRS = (
    'every image has a mask, every mask an image',
    'every file decodes to its last row',
    'every mask has the size of its image',
    'every mask has polyp pixels and two values (JPEG noise apart)',
)
_OF_TUNING = 'tuning lists hold training images only, and are disjoint'
_OF_GROUPS = 'no sequence has images in both train and val'
_OF_SPLITS = (
    'every image is in exactly one of train and val, and the reverse',
    'no image of train is, pixel by pixel, an image of val',
)


@dataclass
class ConversionReport(Report):
    """The report on images and masks of polyps.

    Args:
        img_suffix: Suffix of images that the configs expect.
        num_pairs: Number of good pairs.
        split_sizes: Split -> number of its ids.
        num_groups: Number of sequences; 0 if every image stands alone.
        polyp_shares: Share of polyp pixels in each mask.
        max_mid_grey_share: Largest share of mid-grey pixels in any mask.
    """

    img_suffix: str = '.jpg'
    num_pairs: int = 0
    split_sizes: Mapping[str, int] = field(default_factory=dict)
    num_groups: int = 0
    polyp_shares: list[float] = field(default_factory=list)
    max_mid_grey_share: float = 0.0

    @property
    def checks(self) -> tuple[str, ...]:
        """What was checked; of lists that are not there, nothing."""
        of_splits = _OF_SPLITS if 'train' in self.split_sizes else ()
        has_more = self.split_sizes.keys() - {'train', 'val', 'all'}
        of_tuning = (_OF_TUNING,) if has_more else ()
        of_groups = (_OF_GROUPS,) if self.num_groups else ()
        return _OF_PAIRS + of_splits + of_tuning + of_groups

    def add_pair(
        self, shape: tuple[int, ...], polyp_share: float, mid_grey_share: float
    ) -> None:
        """Count one good pair.

        Args:
            shape: Shape of the image, (height, width, channels).
            polyp_share: Share of polyp pixels in the mask.
            mid_grey_share: Share of mid-grey pixels in the stored mask.
        """
        self.num_pairs += 1
        self.add_size(shape)
        self.polyp_shares.append(polyp_share)
        self.max_mid_grey_share = max(self.max_mid_grey_share, mid_grey_share)

    def pairs(self) -> str:
        """How many pairs there are, and how many in each split."""
        splits = ', '.join(f'{n} {k}' for k, n in self.split_sizes.items())
        return f'{self.num_pairs} ({splits})'

    def details(self) -> list[str]:
        """Polyp pixels, and the mask that is furthest from two values."""
        share = self._polyp_share()
        return [
            f'Polyp pixels: {share["mean"]:.1%} of an image on average, '
            f'{share["min"]:.2%} to {share["max"]:.1%}',
            'Mid-grey pixels in the worst mask, outlines included: '
            f'{self.max_mid_grey_share:.3%}',
        ]

    def facts(self) -> dict[str, Any]:
        """Content of the JSON file, without the share of each mask."""
        facts = super().facts()
        del facts['polyp_shares']
        return facts | {'polyp_share': self._polyp_share()}

    def _polyp_share(self) -> dict[str, float]:
        shares = self.polyp_shares
        return {'mean': fmean(shares), 'min': min(shares), 'max': max(shares)}
