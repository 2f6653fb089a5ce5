# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a person says about the classes of the masks."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gps_seg.datasets.ignored_label import IGNORED

#: Names of what is neither learnt nor scored; capitals do not matter.
IGNORED_NAMES = ('ignore', 'ignored', 'void', 'unlabeled', 'unlabelled')
BACKGROUND = 'background'
#: Most classes of labels of 8 bits beside the ignored one.
MOST_CLASSES = IGNORED
_EXAMPLES = (
    "['polyp'], {0: 'background', 255: 'polyp'} or "
    "{'#000000': 'background', '#ff0000': 'liver'}"
)


class Given(NamedTuple):
    """Names, in order or by what is stored.

    Args:
        names: Names in order; empty if not given so.
        values: Stored value -> name; empty if not given so.
        colours: Colour as a number -> name; empty if not given so.
    """

    names: tuple[str, ...] = ()
    values: Mapping[int, str] = {}
    colours: Mapping[int, str] = {}


class Classes(NamedTuple):
    """Classes in the order of their indices, and the index of each key.

    Args:
        names: Names, without those that are ignored.
        indices: Class of each key, ``IGNORED`` where it is ignored.
    """

    names: tuple[str, ...]
    indices: list[int]


def read_given(classes: Any) -> Given:
    """Check the names of classes.

    Args:
        classes: None; names; or a mapping of values (numbers), or of colours
            (``'#rrggbb'`` or three numbers), to names. Names among
            ``IGNORED_NAMES`` are neither learnt nor scored.

    Raises:
        ValueError: If a name is empty, a name of a list occurs twice, or keys
            are neither all values nor all colours.
    """
    if classes is None:
        return Given()
    if isinstance(classes, str) or not isinstance(
        classes, (Mapping, Sequence)
    ):
        raise _error(classes)
    names = list(classes.values() if isinstance(classes, Mapping) else classes)
    if not names or not all(isinstance(n, str) and n.strip() for n in names):
        raise _error(classes)
    if not isinstance(classes, Mapping):
        kept = [name for name in names if not is_ignored(name)]
        if len(set(kept)) < len(kept):
            raise _error(classes)
        return Given(names=tuple(names))
    try:
        keys = [_key(key) for key in classes]
    except (TypeError, ValueError):
        raise _error(classes) from None
    kinds = {is_colour for is_colour, _ in keys}
    if len(kinds) > 1:
        raise _error(classes)
    table = dict(zip((key for _, key in keys), names, strict=True))
    return Given(colours=table) if kinds == {True} else Given(values=table)


def is_ignored(name: str) -> bool:
    """Whether a class of this name is neither learnt nor scored."""
    return name.strip().lower() in IGNORED_NAMES


def on_ignored(names: Sequence[str]) -> tuple[str, ...]:
    """A sentence on names that are ignored, if there are any."""
    ignored = dict.fromkeys(filter(is_ignored, names))
    return (f'Ignored by name: {", ".join(ignored)}.',) if ignored else ()


def is_background(name: str) -> bool:
    """Whether this is the name of what is no object."""
    return name.strip().lower() == BACKGROUND


def numbered(names: Sequence[str]) -> Classes:
    """Give the classes their indices, in order; equal names are one class.

    A class called background comes first.

    Args:
        names: Name of each key.
    """
    kept = dict.fromkeys(name for name in names if not is_ignored(name))
    ordered = sorted(kept, key=lambda name: not is_background(name))
    index = {name: number for number, name in enumerate(ordered)}
    return Classes(
        tuple(ordered), [index.get(name, IGNORED) for name in names]
    )


def _key(key: Any) -> tuple[bool, int]:
    """Whether a key is a colour, and its number."""
    if isinstance(key, str):
        if key.startswith('#') and len(key) == 7:
            return True, int(key[1:], 16)
        return False, int(key)  # JSON has no other keys
    if isinstance(key, Sequence):
        red, green, blue = key
        if not all(0 <= value <= 255 for value in key):
            raise ValueError
        return True, int(red) << 16 | int(green) << 8 | int(blue)
    if int(key) != key:
        raise ValueError
    return False, int(key)


def _error(classes: Any) -> ValueError:
    return ValueError(
        'classes: expected names in order, or names by value or by colour, '
        f'such as {_EXAMPLES}, got {classes!r}. Write every name once in a '
        'list; keys of a mapping must be all values or all colours.'
    )
