# Copyright (c) gps_seg contributors. Apache-2.0.
"""New values of a tensor: exact, or as coded differences from the base.

A file may store values in fewer bits than the model. Bits are lost when such a
delta is made (``lossy.py``), never when it is saved, loaded or applied.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Exact:
    """The values themselves, possibly in a narrower dtype than the model's.

    Args:
        numbers: Values, shape ``(num_entries,)``.
    """

    numbers: Tensor

    def __repr__(self) -> str:
        return f'Exact({len(self):,} x {self.numbers.dtype})'

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def is_finite(self) -> bool:
        """Whether there is neither a NaN nor an infinity among them."""
        return bool(self.numbers.isfinite().all())

    def resolve(
        self,
        base: Tensor,  # shape: (num_entries,)
    ) -> Tensor:  # shape: (num_entries,), dtype and device of base
        """The values, in the dtype of the model and on its device."""
        return self.numbers.to(base.device, base.dtype)


@dataclass(frozen=True, eq=False)
class Coded:
    """Differences from the base, each one of at most ``2 ** bits`` levels.

    The base of what was added to the model is zero.

    Args:
        codes: Index of the level, shape ``(num_entries,)``, uint8.
        levels: All ``2 ** bits`` levels, float32, or only the first and last
            of evenly spaced levels.
        bits: Bits per code: 1, 2, 4 or 8.
    """

    codes: Tensor
    levels: Tensor
    bits: int

    def __repr__(self) -> str:
        return f'Coded({len(self):,} x {self.bits} bits)'

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_finite(self) -> bool:
        """Whether there is neither a NaN nor an infinity among the levels."""
        return bool(self.levels.isfinite().all())

    def table(self) -> Tensor:  # shape: (2 ** bits,), float32
        """The level of each code."""
        return level_table(self.levels, self.bits)

    def resolve(
        self,
        base: Tensor,  # shape: (num_entries,)
    ) -> Tensor:  # shape: (num_entries,), dtype and device of base
        """Add base and difference in float32 (float64 for float64)."""
        wide = torch.promote_types(base.dtype, torch.float32)
        difference = self.table()[self.codes.long()]
        total = base.to(wide) + difference.to(base.device, wide)
        return total.to(base.dtype)


Values = Exact | Coded


def level_table(levels: Tensor, bits: int) -> Tensor:
    """All ``2 ** bits`` levels, even if only the two ends are given.

    They are computed in float64 as ``low * (1 - t) + high * t``, which gives
    both ends exactly, and the same bits in every IEEE arithmetic.
    """
    if len(levels) != 2:
        return levels
    low, high = levels.double()
    t = torch.arange(2**bits, dtype=torch.float64) / (2**bits - 1)
    table: Tensor = (low * (1 - t) + high * t).float()
    return table
