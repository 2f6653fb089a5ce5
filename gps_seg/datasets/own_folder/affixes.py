# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find what the names of masks have before or after the name of their image.

Nothing is listed by hand: ``_mask``, ``gt_`` or anything else is found in the
names themselves, as long as it is the same for all masks.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

_SAMPLE = 100  # names in which affixes are looked for
_TRIED = 20  # affixes that occur most often in them


class Affix(NamedTuple):
    """Text before and after the part of a name that matters.

    Args:
        before: Text in front of it.
        after: Text behind it.
    """

    before: str = ''
    after: str = ''

    def without(self, stem: str) -> str | None:
        """The part that matters; None if the name lacks the affix."""
        length = len(stem) - len(self.before) - len(self.after)
        if length < 1 or not stem.startswith(self.before):
            return None
        if not stem.endswith(self.after):
            return None
        return stem[len(self.before) : len(self.before) + length]

    def __str__(self) -> str:
        """Both parts as they are found in names."""
        return f'{self.before}...{self.after}'


def shared_affix(stems: Collection[str]) -> Affix:
    """What all names have in front and behind, apart from digits.

    Args:
        stems: Names without folders and suffixes.

    Example:
        >>> print(shared_affix(['img_101', 'img_102']))
        img_...
    """
    before = re.sub(r'\d+$', '', _common_start(stems))
    cut = [stem[len(before) :][::-1] for stem in stems]
    after = re.sub(r'^\d+', '', _common_start(cut)[::-1])
    affix = Affix(before, after)
    return affix if all(map(affix.without, stems)) else Affix()


def _common_start(texts: Collection[str]) -> str:
    low, high = min(texts), max(texts)
    pairs = zip(low, high, strict=False)
    length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return low[:length]


def best_affix(
    images: Collection[tuple[str, str]], masks: Sequence[tuple[str, str]]
) -> Affix:
    """The affix by which most masks have the name of an image.

    Of equally good ones the shortest is taken.

    Args:
        images: Folder and name of each image, in a set.
        masks: Folder and name of each mask.
    """
    step = max(1, len(masks) // _SAMPLE)
    votes = Counter(
        affix for mask in masks[::step] for affix in _affixes(images, *mask)
    )
    tried = [affix for affix, _ in votes.most_common(_TRIED)]
    return max(
        tried or [Affix()],
        key=lambda affix: (
            sum((f, affix.without(stem)) in images for f, stem in masks),
            -len(affix.before + affix.after),
        ),
    )


def image_inside(
    images: Collection[tuple[str, str]], folder: str, stem: str
) -> str | None:
    """The longest name of an image in this folder that a name contains.

    Args:
        images: Folder and name of each image, in a set.
        folder: Folder of a mask.
        stem: Name of the mask.
    """
    parts = (
        stem[len(affix.before) : len(stem) - len(affix.after)]
        for affix in _affixes(images, folder, stem)
    )
    return max(parts, key=len, default=None)


def _affixes(
    images: Collection[tuple[str, str]], folder: str, stem: str
) -> Iterator[Affix]:
    """The affixes by which a mask has the name of some image."""
    for start in range(len(stem)):
        for end in range(start + 1, len(stem) + 1):
            if (folder, stem[start:end]) in images:
                yield Affix(stem[:start], stem[end:])
