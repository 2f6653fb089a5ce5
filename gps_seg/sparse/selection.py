# Copyright (c) gps_seg contributors. Apache-2.0.
"""The result of a selection: which entries of which weights train.

A selection is made once before training and never changed. It is plain data:
parameter names, flat indices and shapes, without modules or scores.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from gps_seg.files import write_bytes
from gps_seg.text.short import short_count

FORMAT = 'gps_seg.selection'
VERSION = '1'


class Selection(Mapping[str, Tensor]):
    """Flat indices of the selected entries of each weight, by name.

    Iteration yields parameter names in sorted order. ``selection[name]`` is an
    int64 tensor of shape ``(num_selected,)`` on the CPU, strictly increasing,
    that indexes the weight flattened row by row.

    Args:
        indices: Flat indices by parameter name.
        shapes: Shape of each dense weight, by the same names.

    Raises:
        ValueError: If names differ, or indices are not strictly increasing
            and inside the weight.

    Example:
        >>> mask = torch.tensor([[False, True, False], [True, False, False]])
        >>> selection = Selection.from_masks({'fc.weight': mask})
        >>> selection['fc.weight']
        tensor([1, 3])
        >>> selection.num_selected, selection.hash[:8]
        (2, '61a0a3e3')
    """

    def __init__(
        self,
        indices: Mapping[str, Tensor],
        shapes: Mapping[str, Sequence[int]],
    ) -> None:
        if indices.keys() != shapes.keys():
            raise ValueError(
                'shapes: expected the names of indices, got a difference of '
                f'{sorted(indices.keys() ^ shapes.keys())}.'
            )
        names = sorted(indices)
        self._indices = {
            name: _checked(name, indices[name], shapes[name]) for name in names
        }
        self.shapes = {name: torch.Size(shapes[name]) for name in names}

    @classmethod
    def from_masks(cls, masks: Mapping[str, Tensor]) -> 'Selection':
        """Select the entries where the boolean mask of a weight is True."""
        return cls(
            {
                name: mask.flatten().nonzero().flatten().cpu()
                for name, mask in masks.items()
            },
            {name: mask.shape for name, mask in masks.items()},
        )

    def __getitem__(self, name: str) -> Tensor:
        return self._indices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __repr__(self) -> str:
        entries = sum(shape.numel() for shape in self.shapes.values())
        return (
            f'Selection({len(self)} weights, {self.num_selected:,} of '
            f'{short_count(entries)} entries, sha256 {self.hash[:8]})'
        )

    @property
    def num_selected(self) -> int:
        """Number of selected entries in all weights."""
        return sum(len(indices) for indices in self.values())

    @property
    def hash(self) -> str:
        """SHA-256 of names, shapes and indices; the same if these are."""
        digest = hashlib.sha256()
        for name, indices in self.items():
            digest.update(f'{name}{tuple(self.shapes[name])}'.encode())
            digest.update(indices.numpy().astype('<i8').tobytes())
        return digest.hexdigest()

    def overlap(self, other: 'Selection') -> float:
        """Share of the entries of ``other`` that are in this selection.

        Raises:
            ValueError: If ``other`` has no entry.
        """
        if other.num_selected == 0:
            raise ValueError(
                'selection: expected entries to compare with, got none.'
            )
        common = sum(
            int(torch.isin(indices, self[name], assume_unique=True).sum())
            for name, indices in other.items()
            if name in self
        )
        return common / other.num_selected

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the selection as safetensors, atomically."""
        metadata = {
            'format': FORMAT,
            'version': VERSION,
            'hash': self.hash,
            **{
                f'shape:{name}': ','.join(map(str, shape))
                for name, shape in self.shapes.items()
            },
        }
        write_bytes(save(dict(self), metadata), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> 'Selection':
        """Read a selection that :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not a selection, or does not match the
                hash stored in it.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f'selection: expected a file, got {path}. A run with PeftHook '
                'writes selection.safetensors into its work directory.'
            )
        try:
            with safe_open(path, framework='pt') as file:
                metadata = file.metadata() or {}
                indices = {name: file.get_tensor(name) for name in file.keys()}
        except SafetensorError as error:
            raise ValueError(
                f'selection: expected a safetensors file, got {path} '
                f'({error}). Copy it again, or make a new selection.'
            ) from error
        if (metadata.get('format'), metadata.get('version')) != (
            FORMAT,
            VERSION,
        ):
            raise ValueError(
                f'selection: expected format {FORMAT} version {VERSION}, got '
                f'{metadata.get("format")} {metadata.get("version")} ({path}).'
            )
        shapes = {
            name: _parse_shape(metadata.get(f'shape:{name}', ''), path)
            for name in indices
        }
        selection = cls(indices, shapes)
        if selection.hash != metadata.get('hash'):
            raise ValueError(
                f'selection: expected hash {metadata.get("hash")}, got '
                f'{selection.hash} ({path}). The file was changed.'
            )
        return selection


def _parse_shape(text: str, path: Path) -> torch.Size:
    try:
        return torch.Size(map(int, text.split(',')))
    except ValueError as error:
        raise ValueError(
            f"selection: expected a shape for every weight, got '{text}' "
            f'({path}). The file was changed.'
        ) from error


def _checked(
    name: str,
    indices: Tensor,  # shape: (num_selected,)
    shape: Sequence[int],
) -> Tensor:  # shape: (num_selected,)
    if indices.dtype != torch.int64 or indices.ndim != 1:
        raise ValueError(
            'indices: expected one axis of int64, got shape '
            f'{tuple(indices.shape)} of {indices.dtype} ({name}).'
        )
    indices = indices.detach().cpu().contiguous()
    if len(indices) == 0:
        return indices
    if indices[0] < 0 or indices[-1] >= prod(shape):
        raise ValueError(
            f'indices: expected values in [0, {prod(shape)}), got '
            f'{int(indices.min())}..{int(indices.max())} ({name}, shape '
            f'{tuple(shape)}).'
        )
    if not bool((indices[1:] > indices[:-1]).all()):
        raise ValueError(
            'indices: expected strictly increasing values, got an unsorted '
            f'or repeated one ({name}).'
        )
    return indices
