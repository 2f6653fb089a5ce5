# Copyright (c) gps_seg contributors. Apache-2.0.
"""A matrix with one number per block and kind of layer of a network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from gps_seg.sparse.summary import Place

# Names of the layers of a block in papers, in the order of a block.
_KINDS = (
    ('dwconv', r'depthwise_conv'),
    ('qkv', r'(?:.*\.)?(?:qkv|in_proj)'),
    ('q', r'(?:.*\.)?(?:q|q_proj|query)'),
    ('k', r'(?:.*\.)?(?:k|k_proj|key)'),
    ('v', r'(?:.*\.)?(?:v|v_proj|value)'),
    ('kv', r'(?:.*\.)?kv'),
    ('proj', r'(?:.*\.)?(?:proj|out_proj)'),
    ('fc1', r'(?:.*\.)?(?:fc1|ffn\.layers\.0(?:\.0)?|pointwise_conv1)'),
    ('fc2', r'(?:.*\.)?(?:fc2|ffn\.layers\.[14]|pointwise_conv2)'),
)


class PlaceMatrix(NamedTuple):
    """A number for each kind of layer in each block.

    Args:
        blocks: Names of the rows, in the order of the network.
        kinds: Names of the columns, in the order of a block.
        cells: Numbers, shape (num_blocks, num_kinds); NaN where a block has
            no such layer.
        rest: Places outside these blocks.
    """

    blocks: list[str]
    kinds: list[str]
    cells: np.ndarray
    rest: list[Place]


def place_matrix(numbers: Mapping[Place, float]) -> PlaceMatrix:
    """Arrange numbers of weights by block and kind.

    A row is a block with two or more kinds of layers. All other places, such
    as a stem or the downsampling between stages, are in ``rest``. If there is
    no such block, every place has a row.

    Args:
        numbers: Number for each weight.
    """
    kinds_of: dict[str, set[str]] = {}
    for place in numbers:
        kinds_of.setdefault(place.block, set()).add(place.kind)
    rows = {b for b, kinds in kinds_of.items() if b and len(kinds) > 1}
    rows = rows or set(kinds_of)
    blocks = sorted(rows, key=natural_order)
    inside = [place for place in numbers if place.block in rows]
    kinds = sorted({place.kind for place in inside}, key=_order)
    cells = np.full((len(blocks), len(kinds)), np.nan)
    for place in inside:
        cell = blocks.index(place.block), kinds.index(place.kind)
        cells[cell] = numbers[place]
    rest = [place for place in numbers if place.block not in rows]
    return PlaceMatrix(
        [block or '(stem)' for block in blocks],
        short_names(kinds),
        cells,
        sorted(rest, key=lambda place: natural_order('.'.join(place))),
    )


def natural_order(text: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts ``layers.2`` before ``layers.10``."""
    return [
        (part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.split(r'(\d+)', text)
    ]


def short_names(kinds: Iterable[str]) -> list[str]:
    """Short names of kinds of layers; full names if two would be the same.

    Example:
        >>> short_names(['attn.qkv', 'ffn.layers.0.0', 'norm'])
        ['qkv', 'fc1', 'norm']
        >>> short_names(['ffn.layers.1', 'ffn.layers.4'])
        ['ffn.layers.1', 'ffn.layers.4']
    """
    kinds = list(kinds)
    names = [_match(kind)[1] for kind in kinds]
    return [
        name if names.count(name) == 1 else kind
        for name, kind in zip(names, kinds, strict=True)
    ]


def _order(kind: str) -> tuple[int, list[tuple[bool, int, str]]]:
    return _match(kind)[0], natural_order(kind)


def _match(kind: str) -> tuple[int, str]:
    """Rank in a block and short name of a kind."""
    for rank, (name, pattern) in enumerate(_KINDS):
        if re.fullmatch(pattern, kind):
            return rank, name
    return len(_KINDS), kind
