# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pair images and masks by their names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from gps_seg.datasets.own_folder.affixes import (
    Affix,
    best_affix,
    image_inside,
    shared_affix,
)

Key = tuple[str, str]  # folder and name
_SHOWN = 3  # names in a message


class Pair(NamedTuple):
    """An image and its mask.

    Args:
        name: Path of the image in its folder, without the suffix.
        image: Path of the image in its folder, with ``/`` between the parts.
        mask: Path of the mask in its folder, likewise.
    """

    name: str
    image: str
    mask: str


class Pairing(NamedTuple):
    """The pairs, and what matches none.

    Args:
        pairs: Pairs in the order of their names.
        rule: Sentence on how names were matched.
        problems: A line for each mask that matches none, and for names that
            are not unique.
        unlabelled: Paths of the images without a mask, sorted.
    """

    pairs: list[Pair]
    rule: str
    problems: list[str]
    unlabelled: list[str]


class _Attempt(NamedTuple):
    rule: str
    images: Mapping[Key, str]
    masks: Mapping[Key, str]
    spare: Sequence[str]  # masks whose image has another

    @property
    def both(self) -> set[Key]:
        return self.images.keys() & self.masks.keys()

    @property
    def explains_all(self) -> bool:
        return self.images.keys() == self.masks.keys() and not self.spare


def pair_up(images: Sequence[str], masks: Sequence[str]) -> Pairing:
    """Pair the files of two folders by the first rule that explains all names.

    1. The same path without the suffix.
    2. The same folder, and the same name once one text is removed from the
       front or the back of all masks. If need be, what all images have in
       front or behind is removed from these, too.
    3. The same name, by rule 1 or 2, in whatever folder, if no two images
       have the same name.

    If no rule explains all, the one with most pairs counts, as long as it
    pairs half of the images or of the masks; a mask without an image is a
    problem.

    Args:
        images: Paths of the images in their folder.
        masks: Paths of the masks in theirs.
    """
    problems: list[str] = []
    named_images = _by_name(images, 'two images of one name', problems)
    named_masks = _by_name(masks, 'two masks for one image', problems)
    best = None
    for attempt in _attempts(named_images, named_masks):
        if best is None or len(attempt.both) > len(best.both):
            best = attempt
        if attempt.explains_all:
            best = attempt
            break
    assert best is not None
    fewer = min(len(named_images), len(named_masks))
    if 2 * len(best.both) < fewer or not best.both:
        return Pairing([], '', problems + [_no_rule(images, masks)], [])
    pairs = [
        Pair(_name(best.images[key]), best.images[key], best.masks[key])
        for key in best.both
    ]
    unlabelled = (best.images[k] for k in best.images.keys() - best.both)
    problems += _unmatched_masks(best)
    return Pairing(sorted(pairs), best.rule, problems, sorted(unlabelled))


def _name(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(''))


def _key(path: str) -> Key:
    pure = PurePosixPath(path)
    return str(pure.parent), pure.stem


def _by_name(
    paths: Sequence[str], said: str, problems: list[str]
) -> dict[Key, str]:
    """Files by folder and name; a second one of the name is a problem."""
    named, spare = _unique((_key(path), path) for path in paths)
    problems += [f'{said}: {named[_key(path)]}, {path}' for path in spare]
    return named


def _attempts(
    images: Mapping[Key, str], masks: Mapping[Key, str]
) -> Iterator[_Attempt]:
    yield _Attempt('the same name', images, masks, ())
    yield from _by_affix(images, masks, ())
    names, doubles = _unique(((('', s), path) for (_, s), path in _of(images)))
    if doubles:
        return  # which of these a mask belongs to cannot be known
    flat, spare = _unique(((('', s), path) for (_, s), path in _of(masks)))
    where = ' in whatever folder'
    yield _Attempt(f'the same name{where}', names, flat, spare)
    yield from _by_affix(names, flat, spare, where)


def _by_affix(
    images: Mapping[Key, str],
    masks: Mapping[Key, str],
    spare: Sequence[str],
    where: str = '',
) -> Iterator[_Attempt]:
    of_images = shared_affix([stem for _, stem in images])
    for own in dict.fromkeys((Affix(), of_images)):
        bare, _ = _unique(_without(own, images))
        affix = best_affix(bare.keys(), list(masks))
        found, second = _unique(_without(affix, masks))
        named = f'masks named "{affix}"'
        if any(own):
            named += f' and images named "{own}"'
        yield _Attempt(
            f'the same name{where}, with {named}',
            bare,
            found,
            [*spare, *second],
        )


def _of(files: Mapping[Key, str]) -> list[tuple[Key, str]]:
    return list(files.items())


def _unique(
    files: Iterable[tuple[Key, str]],
) -> tuple[dict[Key, str], list[str]]:
    """The first file of each key, and the others."""
    first: dict[Key, str] = {}
    spare = [
        path for key, path in files if first.setdefault(key, path) != path
    ]
    return first, spare


def _without(
    affix: Affix, files: Mapping[Key, str]
) -> Iterator[tuple[Key, str]]:
    """Files by their name without an affix."""
    for (folder, stem), path in files.items():
        bare = affix.without(stem)
        # No name has a slash, so a file without the affix matches nothing.
        yield (folder, f'/{stem}' if bare is None else bare), path


def _unmatched_masks(attempt: _Attempt) -> list[str]:
    """A line for each mask without an image of its own."""
    lines = []
    taken = {key: attempt.masks[key] for key in attempt.both}
    alone = [attempt.masks[key] for key in attempt.masks.keys() - attempt.both]
    for path in sorted([*alone, *attempt.spare]):
        folder, stem = _key(path)
        inside = image_inside(attempt.images.keys(), folder, stem)
        inside = inside or image_inside(attempt.images.keys(), '', stem)
        first = taken.get(
            (folder, inside or ''), taken.get(('', inside or ''))
        )
        lines.append(
            f'two masks for one image: {first}, {path}'
            if first
            else f'{path}: is a mask without an image'
        )
    return lines


def _no_rule(images: Sequence[str], masks: Sequence[str]) -> str:
    return (
        f'names: expected masks with the names of their images, or with one '
        f'text before or after these, got images such as '
        f'{", ".join(images[:_SHOWN])} and masks such as '
        f'{", ".join(masks[:_SHOWN])}. Rename the files of one folder'
    )
