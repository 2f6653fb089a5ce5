# Copyright (c) gps_seg contributors. Apache-2.0.
"""The files of two folders, paired by their names before any is opened."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gps_seg.datasets.conversion.report_text import MAX_LISTED, bullets
from gps_seg.datasets.own_folder.listing import (
    list_pictures,
    note_on_skipped,
    require_folders,
)
from gps_seg.datasets.own_folder.pairing import Pair, pair_up


class Matched(NamedTuple):
    """The files of two folders, before they are opened.

    Args:
        pairs: Images with their masks.
        problems: A line for each file that cannot be used.
        notes: Sentences on how files were paired.
        unlabelled: Paths of the images without a mask.
    """

    pairs: tuple[Pair, ...]
    problems: list[str]
    notes: tuple[str, ...]
    unlabelled: tuple[str, ...]


def match(images: Path, masks: Path) -> Matched:
    """List both folders, and pair their files by name.

    Args:
        images: Folder of the images.
        masks: Folder of the masks.

    Raises:
        FileNotFoundError: If a folder does not exist.
        NotADirectoryError: If a folder is a file.
        ValueError: If there is nothing to pair.
    """
    require_folders(images, masks)
    of_images = list_pictures(images, masks, 'images')
    of_masks = list_pictures(masks, images, 'masks')
    problems = [*of_images.problems, *of_masks.problems]
    if not of_images.names or not of_masks.names:
        raise_problems(problems, images, masks)
    pairing = pair_up(of_images.names, of_masks.names)
    notes = (
        f'Masks were paired with images by {pairing.rule}.',
        *note_on_skipped('images', of_images.skipped),
        *note_on_skipped('masks', of_masks.skipped),
    )
    problems += pairing.problems
    return Matched(
        tuple(pairing.pairs), problems, notes, tuple(pairing.unlabelled)
    )


def paired(images: str | Path, masks: str | Path) -> tuple[Pair, ...]:
    """Pair the images and masks of two folders by their names.

    Args:
        images: Folder of the images; its sub-folders are read, too.
        masks: Folder of the masks, likewise.

    Raises:
        FileNotFoundError: If a folder does not exist.
        NotADirectoryError: If a folder is a file.
        ValueError: If files do not pair, or there are none.

    Example::

        for pair in paired('photos', 'outlines'):
            print(pair.image, pair.mask)
    """
    matched = match(Path(images), Path(masks))
    problems = [*matched.problems, *lines_on(matched.unlabelled)]
    raise_problems(problems, images, masks)
    return matched.pairs


def lines_on(unlabelled: Sequence[str]) -> list[str]:
    """A line for each image without a mask.

    Args:
        unlabelled: Paths of these images.
    """
    return [f'{path}: is an image without a mask' for path in unlabelled]


def how_to_skip(unlabelled: Sequence[str]) -> str:
    """A sentence on the option that leaves them out, if there are any.

    Args:
        unlabelled: Paths of the images without a mask.
    """
    if not unlabelled:
        return ''
    return (
        f'To leave out the {len(unlabelled):,} images without a mask, add '
        '--skip-unlabelled (in Python, skip_unlabelled=True). '
    )


def note_on_unlabelled(unlabelled: Sequence[str]) -> list[str]:
    """A note on images that are left out, if there are any.

    Args:
        unlabelled: Paths of the images without a mask.
    """
    if not unlabelled:
        return []
    return [
        f'{len(unlabelled):,} images without a mask are left out, such as '
        f'{unlabelled[0]}; found.json lists them.'
    ]


def raise_problems(
    problems: Sequence[str],
    images: str | Path,
    masks: str | Path,
    remedy: str = '',
) -> None:
    """Raise an error with the first problems, if there are any.

    Args:
        problems: A line for each.
        images: Folder of the images.
        masks: Folder of the masks.
        remedy: Sentence on an option, with a space behind it.

    Raises:
        ValueError: If there are problems.
    """
    if problems:
        raise ValueError(
            f'{images}, {masks}: expected images and masks without problems, '
            f'found {len(problems):,}. Fix or remove these files. {remedy}'
            f'Nothing was changed.\n{bullets(problems, MAX_LISTED)}'
        )
