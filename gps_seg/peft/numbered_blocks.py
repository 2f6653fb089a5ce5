# Copyright (c) gps_seg contributors. Apache-2.0.
"""The blocks of any encoder, from the names of its parameters.

For methods that train the last blocks whole, also of an encoder without
attention or MLP, unlike :func:`gps_seg.additions.places.blocks`. Here a block
is a numbered module, such as ``layers.3`` or ``stages.0.blocks.1``.
Encoders also number other modules: merging layers, patch embeddings, norms.
Numbers aside, the blocks are those of the name with the most values.
"""

import re
from collections import Counter
from collections.abc import Mapping

from torch import Tensor

from gps_seg.sparse.summary import locate


def block_of(name: str, encoder: str) -> str:
    """Numbered module that a parameter belongs to; empty if there is none.

    Args:
        name: Name of a parameter in the model.
        encoder: Name of the encoder; all else belongs to no block.
    """
    if not name.startswith(f'{encoder}.'):
        return ''
    module = name.removeprefix(f'{encoder}.').rpartition('.')[0]
    return locate(f'{module}.parameter').block


def blocks_of(parameters: Mapping[str, Tensor], encoder: str) -> list[str]:
    """Blocks of the encoder, in the order of its parameters.

    Args:
        parameters: Parameters of the model, by name.
        encoder: Name of the encoder.
    """
    sizes: Counter[str] = Counter()
    for name, parameter in parameters.items():
        sizes[block_of(name, encoder)] += parameter.numel()
    del sizes['']
    values: Counter[str] = Counter()
    for block, size in sizes.items():
        values[_without_numbers(block)] += size
    largest = max(values, key=values.__getitem__, default='')
    return [block for block in sizes if _without_numbers(block) == largest]


def last_blocks(
    parameters: Mapping[str, Tensor], encoder: str, number: int, least: int
) -> list[str]:
    """The last blocks of the encoder, from first to last.

    Args:
        parameters: Parameters of the model, by name.
        encoder: Name of the encoder.
        number: Number of blocks; the setting ``last_blocks``.
        least: Smallest legal number.

    Raises:
        ValueError: If the encoder has fewer blocks.
    """
    blocks = blocks_of(parameters, encoder)
    if number > len(blocks):
        raise ValueError(_too_many(number, blocks, encoder, least))
    return blocks[len(blocks) - number :]


def _without_numbers(block: str) -> str:
    return re.sub(r'\d+', '#', block)


def _too_many(number: int, blocks: list[str], encoder: str, least: int) -> str:
    if not blocks:
        return (
            'last_blocks: expected an encoder with numbered blocks, such as '
            f"layers.0, got none in '{encoder}'."
        )
    ends = ' to '.join(dict.fromkeys((blocks[0], blocks[-1])))
    return (
        f'last_blocks: expected {least} to {len(blocks)}, the number of '
        f"blocks of '{encoder}' ({ends}), got {number}."
    )
