# Copyright (c) gps_seg contributors. Apache-2.0.
"""Apply, switch and revert deltas on one model in memory; measure the time."""

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from gps_seg.delta import Delta, apply, revert, switch


class LiveSwitch(NamedTuple):
    """Times and digests of a model with one delta, then another, then none.

    Args:
        milliseconds: Wall time of ``apply``, ``switch`` and ``revert``.
        before: SHA-256 of the model before these; see :func:`sha256_of`.
        after: SHA-256 of the model after these.
    """

    milliseconds: dict[str, float]
    before: str
    after: str

    @property
    def is_exact(self) -> bool:
        """Whether every bit of the model is the same as before."""
        return self.before == self.after


def switch_live(model: nn.Module, first: Delta, second: Delta) -> LiveSwitch:
    """Apply a delta to a base, switch to another delta, and revert.

    Args:
        model: Base of both deltas, without a delta.
        first: First delta; the whole base is checked against its fingerprint,
            unless that has been done.
        second: Delta that replaces the first.

    Raises:
        RuntimeError: If a delta has already been applied to the model.
        ValueError: If a delta does not fit the model.
    """
    before = sha256_of(model)
    milliseconds = {
        'apply': _milliseconds(lambda: apply(model, first)),
        'switch': _milliseconds(lambda: switch(model, second)),
        'revert': _milliseconds(lambda: revert(model)),
    }
    return LiveSwitch(milliseconds, before, sha256_of(model))


def sha256_of(model: nn.Module) -> str:
    """SHA-256 of all parameters and buffers: names, types, shapes, values."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        kind = f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'
        total.update(kind.encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        total.update(flat.view(torch.uint8).numpy())
    return total.hexdigest()


def _milliseconds(change: Callable[[], None]) -> float:
    start = time.perf_counter()
    change()
    return 1000 * (time.perf_counter() - start)
