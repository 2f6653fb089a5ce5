# Copyright (c) gps_seg contributors. Apache-2.0.
"""The change of one tensor, and the digest by which its base is recognised."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gps_seg.delta.values import Coded, Exact, Values
from gps_seg.sparse.training.entries import read_entries, write_entries

#: Number types that a delta can contain, by their name in the file.
DTYPES: Mapping[str, torch.dtype] = {
    'float64': torch.float64,
    'float32': torch.float32,
    'float16': torch.float16,
    'bfloat16': torch.bfloat16,
    'int64': torch.int64,
    'int32': torch.int32,
    'int16': torch.int16,
    'int8': torch.int8,
    'uint8': torch.uint8,
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
DIGEST_BYTES = 16
_INTEGERS = {
    1: torch.uint8,
    2: torch.int16,
    4: torch.int32,
    8: torch.int64,
    16: torch.int64,  # two for a complex number
}


@dataclass(frozen=True, eq=False)
class Change:
    """New values of some or all entries of a tensor.

    Args:
        shape: Shape of the tensor in the model.
        dtype: Dtype of the tensor in the model.
        values: New values, one per entry.
        indices: Flat indices of the entries, int64, strictly increasing;
            None if the tensor is replaced whole.
        base: Digest of the base at these entries. None for a new tensor, such
            as one of a randomly initialised head, which replaces any values
            of the model.
    """

    shape: torch.Size
    dtype: torch.dtype
    values: Values
    indices: Tensor | None = None
    base: str | None = None

    def __repr__(self) -> str:
        place = 'whole' if self.indices is not None or self.base else 'new'
        if self.indices is not None:
            place = f'{len(self.values):,} of {self.shape.numel():,} entries'
        return f'Change({list(self.shape)}, {place}, {self.storage})'

    @property
    def storage(self) -> str:
        """The number format of the values, in a few words.

        For example ``float32``, ``float32 as float16`` or
        ``float32 in 8 bits``.
        """
        name = DTYPE_NAMES.get(self.dtype, str(self.dtype))
        if isinstance(self.values, Coded):
            return f'{name} in {self.values.bits} bits'
        kept = self.values.numbers.dtype
        if kept == self.dtype:
            return name
        return f'{name} as {DTYPE_NAMES.get(kept, str(kept))}'

    @property
    def is_lossless(self) -> bool:
        """Whether the values have the full precision of the model."""
        return (
            isinstance(self.values, Exact)
            and self.values.numbers.dtype == self.dtype
        )

    def check(self, added: bool = False) -> None:
        """Raise ValueError unless the parts fit together (not the indices).

        Args:
            added: Whether the tensor belongs to what was added to the model.
        """
        if self.dtype not in DTYPE_NAMES:
            raise ValueError(
                f'dtype: expected one of {list(DTYPES)}, got {self.dtype}.'
            )
        if self.indices is not None and self.base is None:
            raise ValueError(
                'base: expected a digest of the entries that were replaced, '
                'got none. A new tensor is replaced whole.'
            )
        self._check_values(added)
        expected = (
            math.prod(self.shape)
            if self.indices is None
            else len(self.indices)
        )
        if len(self.values) != expected:
            raise ValueError(
                f'values: expected {expected}, got {len(self.values)}.'
            )
        if not self.values.is_finite:
            raise ValueError(
                'values: expected finite values, got NaN or infinity. The '
                'training diverged, or the number format is too narrow.'
            )

    def _check_values(self, added: bool) -> None:
        if isinstance(self.values, Coded):
            known = added or self.base is not None
            legal = self.dtype.is_floating_point and known
        else:
            stored = self.values.numbers.dtype
            legal = stored == self.dtype or (
                stored.is_floating_point
                and self.dtype.is_floating_point
                and stored.itemsize < self.dtype.itemsize
            )
        if not legal:
            raise ValueError(
                f'values: expected {self.dtype}, a narrower format of it, or '
                f'codes for a tensor of floating point that has a base or was '
                f'added, got {self.values}.'
            )

    def read(self, tensor: Tensor) -> Tensor:  # shape: (num_entries,)
        """Copy the entries of a tensor of the model."""
        return entries_of(tensor, self.indices)

    def write(self, tensor: Tensor, values: Tensor) -> None:
        """Write values, in the order of the entries, into a tensor."""
        if self.indices is None:
            tensor.detach().copy_(values.view(tensor.shape))
        else:
            write_entries(tensor, self.indices, values)


def change_of(
    tuned: Tensor, indices: Tensor | None, base: str | None
) -> Change:
    """Make the change that leads to the present values of a tensor.

    Args:
        tuned: Tensor of the tuned model, of any shape.
        indices: Flat indices of the entries that change; None for all.
        base: Digest of the base at these entries; None if there is no base.
    """
    values = Exact(entries_of(tuned, indices).cpu())
    return Change(tuned.shape, tuned.dtype, values, indices, base)


def entries_of(
    tensor: Tensor,
    indices: Tensor | None,  # shape: (num_entries,)
) -> Tensor:  # shape: (num_entries,)
    """Copy some entries of a tensor; all if ``indices`` is None."""
    if indices is None:
        return tensor.detach().reshape(-1).clone()
    return read_entries(tensor, indices)


def digest(
    values: Tensor,  # shape: (num_entries,)
    shape: torch.Size,
) -> str:
    """Fingerprint of some entries of a tensor: equal only if all bits are.

    It is BLAKE2b with 16 bytes over dtype, shape and little-endian values, in
    hexadecimal.
    """
    hashed = hashlib.blake2b(digest_size=DIGEST_BYTES)
    hashed.update(type_text(values.dtype, shape).encode())
    # NumPy lacks bfloat16 and other types, so the bits are read as integers.
    plain = as_integers(values) if values.is_floating_point() else values
    hashed.update(plain.cpu().contiguous().numpy().data)
    return hashed.hexdigest()


def type_text(dtype: torch.dtype, shape: torch.Size) -> str:
    """Type and shape of a tensor, as text for a hash."""
    return f'{DTYPE_NAMES.get(dtype, str(dtype))}{list(shape)}'


def tensor_digest(tensor: Tensor) -> str:
    """Fingerprint of a whole tensor of any shape; see :func:`digest`."""
    return digest(tensor.detach().reshape(-1), tensor.shape)


def bits_of(tensor: Tensor) -> Tensor:  # shape: that of tensor, or flat
    """The bits of all entries, as integers in the memory of the tensor.

    A contiguous tensor is flattened. See :func:`as_integers`.
    """
    bits = tensor.detach().view(_INTEGERS[tensor.element_size()])
    return bits.view(-1) if bits.is_contiguous() else bits


def as_integers(tensor: Tensor) -> Tensor:  # shape: (num_entries,)
    """The bits of all entries, as integers of the same width.

    Compared as integers, 0.0 differs from -0.0, and a NaN equals itself.
    """
    flat = tensor.detach().reshape(-1)
    return flat.view(_INTEGERS[tensor.element_size()])


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal in type, shape and every bit."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    return torch.equal(as_integers(one), as_integers(other).to(one.device))
