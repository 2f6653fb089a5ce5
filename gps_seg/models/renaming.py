# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rename the tensors of a file of weights, strictly.

Each tensor must be renamed or dropped for a stated reason, and each tensor of
the model must be found.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_SHOWN = 4
#: A size that is not checked.
ANY = '*'


@dataclass(frozen=True)
class ConvertedKey:
    """A tensor of the source file and its name after the conversion.

    Args:
        source: Name in the source file.
        target: Name in the model; empty if the tensor was dropped.
        shape: Shape of the tensor.
        dtype: Type of its numbers in the source file.
        note: Remark for the report.
    """

    source: str
    target: str
    shape: tuple[int, ...]
    dtype: str
    note: str = ''


@dataclass(frozen=True)
class Renaming:
    """What a file is expected to hold.

    Args:
        title: Description of the file for messages.
        table: Name in the file -> name in the model, and shape. A size in a
            shape is a number, a letter that stands for one, or :data:`ANY`.
        dropped: Tensors that the model does not have -> reason to drop them.
    """

    title: str
    table: Mapping[str, tuple[str, str]]
    dropped: Mapping[str, str]


def check_names(plain_names: Mapping[str, str], renaming: Renaming) -> None:
    """Raise ValueError unless a file has the expected tensors, each once.

    Args:
        plain_names: Name in the file -> name that ``renaming`` uses.
        renaming: Names and shapes that are expected.
    """
    found = set(plain_names.values())
    table, dropped = renaming.table, renaming.dropped
    unknown = [
        name
        for name, plain in plain_names.items()
        if plain not in table and plain not in dropped
    ]
    missing = [name for name in table if name not in found]
    if unknown or missing:
        raise ValueError(
            f'source: expected the names of {renaming.title}, got '
            f'{_summary("unknown", unknown)}; {_summary("missing", missing)}. '
            'Check that this is the file of such a backbone.'
        )
    times = Counter(plain_names.values())
    twice = sorted(name for name, p in plain_names.items() if times[p] > 1)
    if twice:
        raise ValueError(
            'source: expected one tensor per name, got chunked and plain '
            f'names of the same block: {_summary("under two names", twice)}. '
            'Keep one of each.'
        )


def rename(
    source: Mapping[str, Tensor],
    plain_names: Mapping[str, str],
    renaming: Renaming,
    sizes: Mapping[str, int],
) -> tuple[dict[str, Tensor], list[ConvertedKey]]:
    """Rename tensors, in float32.

    Args:
        source: Name in the file -> tensor.
        plain_names: Names of :func:`check_names`, which comes first.
        renaming: Names and shapes that are expected.
        sizes: Values of the letters in the shapes.

    Returns:
        The renamed tensors, and one row per tensor of the file.

    Raises:
        ValueError: If a tensor has a wrong shape, or no numbers with a
            fraction.
    """
    tensors, report = {}, []
    for name, tensor in source.items():
        shape = tuple(tensor.shape)
        dtype = str(tensor.dtype).removeprefix('torch.')
        plain = plain_names[name]
        if plain in renaming.dropped:
            note = f'dropped: {renaming.dropped[plain]}'
            report.append(ConvertedKey(name, '', shape, dtype, note))
            continue
        target, expected = renaming.table[plain]
        _check_tensor(name, tensor, expected, sizes)
        tensors[target] = tensor.detach().to(torch.float32, copy=True)
        tensors[target] = tensors[target].contiguous()
        report.append(ConvertedKey(name, target, shape, dtype))
    return tensors, report


def _summary(kind: str, names: list[str]) -> str:
    if not names:
        return f'none {kind}'
    more = ', ...' if len(names) > _SHOWN else ''
    return f'{len(names)} {kind} ({", ".join(names[:_SHOWN])}{more})'


def _check_tensor(
    name: str, tensor: Tensor, shape: str, sizes: Mapping[str, int]
) -> None:
    expected = [
        s if s == ANY else sizes.get(s) or int(s) for s in shape.split()
    ]
    fits = len(expected) == tensor.ndim and all(
        size in (ANY, actual)
        for size, actual in zip(expected, tensor.shape, strict=True)
    )
    if not fits:
        listed = ', '.join(map(str, expected))
        comma = ',' if len(expected) == 1 else ''
        raise ValueError(
            f'{name}: expected shape ({listed}{comma}), got '
            f'{tuple(tensor.shape)}. The file is damaged or belongs to '
            'another architecture.'
        )
    if not tensor.is_floating_point():
        raise ValueError(
            f'{name}: expected floating-point values, got {tensor.dtype}. '
            'Quantised weights are not supported.'
        )
