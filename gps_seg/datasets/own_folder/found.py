# Copyright (c) gps_seg contributors. Apache-2.0.
"""What was found in two folders of images and masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gps_seg.datasets.conversion.report_text import bullets, size_line
from gps_seg.datasets.own_folder.masks.default_palette import Colour
from gps_seg.datasets.own_folder.pairing import Pair
from gps_seg.text.table import aligned

_MOST_ROWS = 8  # of the table of classes
_MOST_NOTES = 6
_WIDTH = 22  # letters of a name in the table


@dataclass(frozen=True, eq=False)
class Found:
    """Images and masks as they are, and what was decided on them.

    Args:
        images: Folder of the images.
        masks: Folder of the masks.
        pairs: Name, image and mask of each pair, in the order of names.
        sizes: ``'<width>x<height>'`` -> number of images.
        rule: Rule that makes classes of the masks, for ``LoadMask``.
        classes: Names of the classes.
        palette: Red, green and blue of each class.
        background: Whether class 0 is the background.
        pixels: Pixels of each class in each image, shape (images, classes).
        ignored: Share of all pixels that are ignored.
        groups: Group of each image by its name; empty without groups.
        near_copies: Names of images that look alike, in sets.
        notes: Sentences on what was decided, and why.
        unlabelled: Paths of images without a mask, which were left out.

    Example:
        >>> pair = Pair('a', 'a.jpg', 'a.png')
        >>> found = Found(
        ...     'images', 'masks', (pair,), {'8x8': 1},
        ...     rule={'kind': 'threshold', 'above': 127},
        ...     classes=('background', 'polyp'),
        ...     palette=((120, 120, 120), (6, 230, 230)), background=True,
        ...     pixels=np.array([[48, 16]]), ignored=0.0, groups={},
        ...     near_copies=(), notes=())
        >>> found.shares, found.holding, found.without_object
        ((0.75, 0.25), (1, 1), ())
    """

    images: str
    masks: str
    pairs: tuple[Pair, ...]
    sizes: Mapping[str, int]
    rule: Mapping[str, Any]
    classes: tuple[str, ...]
    palette: tuple[Colour, ...]
    background: bool
    pixels: np.ndarray
    ignored: float
    groups: Mapping[str, str]
    near_copies: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    unlabelled: tuple[str, ...] = ()

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each class in the pixels that are not ignored."""
        totals = self.pixels.sum(0)
        return tuple((totals / max(1, totals.sum())).tolist())

    @property
    def holding(self) -> tuple[int, ...]:
        """Number of images with a pixel of each class."""
        return tuple((self.pixels > 0).sum(0).tolist())

    @property
    def objects(self) -> np.ndarray:
        """Pixels of classes other than the background, shape (images,)."""
        return np.asarray(self.pixels[:, int(self.background) :].sum(1))

    @property
    def without_object(self) -> tuple[str, ...]:
        """Names of the images of nothing but background."""
        return tuple(
            self.pairs[i].name for i in np.flatnonzero(self.objects == 0)
        )

    def text(self) -> str:
        """What a person reads, in at most 25 lines."""
        empty = self.without_object
        lines = [
            f'Images: {len(self.pairs):,} in {self.images}',
            f'Masks:  {self.masks}',
            f'Sizes:  {size_line(self.sizes)}',
            self._table(),
        ]
        if self.ignored:
            lines.append(f'Ignored: {self.ignored:.2%} of the pixels')
        if empty:
            lines.append(
                f'Without an object: {len(empty):,} images, such as {empty[0]}'
            )
        if self.groups:
            lines.append(f'Groups: {len(set(self.groups.values())):,}')
        if self.notes:
            lines += ['Notes:', bullets(self.notes, _MOST_NOTES)]
        return '\n'.join(lines) + '\n'

    def to_json(self) -> dict[str, Any]:
        """The same for programs; without the pixels of each image."""
        return {
            'images': self.images,
            'masks': self.masks,
            'num_pairs': len(self.pairs),
            'sizes': dict(self.sizes),
            'rule': dict(self.rule),
            'classes': [
                {
                    'name': name,
                    'colour': list(colour),
                    'pixel_share': share,
                    'num_images': number,
                }
                for name, colour, share, number in zip(
                    self.classes,
                    self.palette,
                    self.shares,
                    self.holding,
                    strict=True,
                )
            ],
            'background': self.background,
            'ignored_share': self.ignored,
            'without_object': list(self.without_object),
            'groups': dict(self.groups),
            'near_copies': [list(names) for names in self.near_copies],
            'unlabelled': list(self.unlabelled),
            'notes': list(self.notes),
        }

    def _table(self) -> str:
        """The classes in their order; of many, the largest."""
        shares, holding = self.shares, self.holding
        order = range(len(self.classes))
        shown = sorted(sorted(order, key=lambda i: -shares[i])[:_MOST_ROWS])
        rows = [
            (self.classes[i][:_WIDTH], f'{shares[i]:.3%}', f'{holding[i]:,}')
            for i in shown
        ]
        table = aligned([('class', 'pixels', 'images'), *rows])
        left = len(self.classes) - len(shown)
        absent = holding.count(0)
        if left:
            table += f'\nand {left} smaller classes'
        if absent:
            table += f'\n{absent} classes never occur'
        return table
