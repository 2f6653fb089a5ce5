# Copyright (c) gps_seg contributors. Apache-2.0.
"""Labels and splits of Flowers-102, from files that may be damaged.

mat4py reads MATLAB's files. It trusts the sizes that a file claims, and a
damaged file makes it raise any error. So every header is checked before an
array is read.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mat4py
from mat4py.loadmat import ParseError, mclasses, read_var_header

LABELS = 'imagelabels.mat'
OFFICIAL_SPLIT = 'setid.mat'
VTAB_SPLIT = 'vtab1k_split.json'
#: Largest size of a list in bytes; the official ones have 502 and 14,989.
MAX_LIST = 2**16

_NUM_CLASSES = 102
_SPLITS = ('trnid', 'valid', 'tstid')
_MOST_VALUES = 2**16
_HEADER = 128
_NUMBERS = range(mclasses['mxDOUBLE_CLASS'], mclasses['mxUINT64_CLASS'] + 1)


def read_labels(content: bytes) -> list[int]:
    """Labels of all images in their order, counted from 1.

    Args:
        content: Bytes of ``imagelabels.mat``.

    Raises:
        ValueError: If the file cannot be read or holds anything else.
    """
    return _numbers(
        LABELS, _variables(LABELS, content), 'labels', _NUM_CLASSES
    )


def read_official_split(
    content: bytes, num_images: int
) -> dict[str, list[int]]:
    """Numbers of the images of ``trnid``, ``valid`` and ``tstid``, from 1.

    Args:
        content: Bytes of ``setid.mat``.
        num_images: Highest number of an image.

    Raises:
        ValueError: If the file cannot be read or holds anything else.
    """
    found = _variables(OFFICIAL_SPLIT, content)
    return {
        split: _numbers(OFFICIAL_SPLIT, found, split, num_images)
        for split in _SPLITS
    }


def read_vtab_split(content: bytes) -> Mapping[str, Sequence[str]]:
    """Names of the images in ``train`` and ``val`` of VTAB-1k.

    Args:
        content: Bytes of ``vtab1k_split.json``.

    Raises:
        ValueError: If the file cannot be read or holds anything else.
    """
    try:
        split = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f'{VTAB_SPLIT}: expected JSON, got an error: {error}.'
        ) from error
    if not isinstance(split, dict) or not {'train', 'val'} <= split.keys():
        raise ValueError(
            f'{VTAB_SPLIT}: expected the keys "train" and "val", got '
            f'{list(split)[:5] if isinstance(split, dict) else type(split)}.'
        )
    for key in ('train', 'val'):
        names = split[key]
        if not isinstance(names, list) or not all(
            isinstance(name, str) for name in names
        ):
            raise ValueError(
                f'{VTAB_SPLIT}: expected a list of file names under '
                f'"{key}", got something else. Use the file of this data set.'
            )
    return split


def _numbers(
    name: str, variables: Mapping[str, Any], key: str, largest: int
) -> list[int]:
    values = variables.get(key)
    if not isinstance(values, list) or not all(
        isinstance(value, int) and 1 <= value <= largest for value in values
    ):
        raise ValueError(
            f'{name}: expected the variable {key!r} with whole numbers '
            f'1..{largest}, got something else. Use the official file.'
        )
    return values


def _variables(name: str, content: bytes) -> dict[str, Any]:
    try:
        for header in _headers(content):
            _check_header(header)
        found: dict[str, Any] = mat4py.loadmat(io.BytesIO(content))
    # mat4py has no error for damage: struct.error, IndexError, ...
    except Exception as error:
        raise ValueError(
            f'{name}: expected a MATLAB 5 file with rows of numbers, got an '
            f'error: {type(error).__name__}: {error}. Use the official file.'
        ) from error
    return found


def _headers(content: bytes) -> Iterator[Mapping[str, Any]]:
    """The headers of all variables; no values are read."""
    endian = '<' if content[_HEADER - 2 : _HEADER] == b'IM' else '>'
    file = io.BytesIO(content)
    file.seek(_HEADER)
    while file.tell() < len(content):
        header, position, _ = read_var_header(file, endian)
        yield header
        file.seek(position)


def _check_header(header: Mapping[str, Any]) -> None:
    shape = header['dims']
    if (
        header['mclass'] not in _NUMBERS
        or min(shape) != 1
        or max(shape) > _MOST_VALUES
    ):
        raise ParseError(f'{header["name"]!r} has the shape {shape}')
