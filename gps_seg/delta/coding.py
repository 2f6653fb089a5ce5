# Copyright (c) gps_seg contributors. Apache-2.0.
"""Store what acts by few values in few bits, without loss."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gps_seg.additions import Plan
from gps_seg.additions.coding import coded
from gps_seg.delta.change import Change
from gps_seg.delta.format.records import BITS
from gps_seg.delta.values import Coded, Exact

_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def with_codes(changes: Mapping[str, Change], plan: Plan) -> dict[str, Change]:
    """Code the new tensors of additions that compute with few values.

    Applied, they have these few values, with which the model computes the same
    as before. In another precision than float32 they are kept as they are.

    Args:
        changes: All changes of a delta.
        plan: Additions to the model.
    """
    own = {
        name: change.values.numbers.view(change.shape)
        for name, change in changes.items()
        if isinstance(change.values, Exact) and change.base is None
        # Levels are float32, so only these are stored without loss.
        if change.indices is None and change.dtype in _DTYPES
    }
    return {
        **changes,
        **{
            name: replace(changes[name], values=_packed(codes, levels))
            for name, (codes, levels) in coded(plan, own).items()
        },
    }


def _packed(codes: Tensor, levels: Tensor) -> Coded:
    bits = next(bits for bits in BITS if 2**bits >= len(levels))
    rest = levels[-1:].expand(2**bits - len(levels))
    table = torch.cat([levels, rest]).float()
    return Coded(codes.flatten().to(torch.uint8), table, bits)
