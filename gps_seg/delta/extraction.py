# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make a delta from two sets of weights: base and tuned."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gps_seg.delta.base.sources import all_tensors
from gps_seg.delta.change import (
    Change,
    as_integers,
    change_of,
    digest,
    entries_of,
    same_bits,
)
from gps_seg.delta.coding import with_codes
from gps_seg.delta.delta import Delta
from gps_seg.delta.fingerprint import fingerprint_of, sketches_of
from gps_seg.delta.info import DeltaInfo


def extract(
    base_state: Mapping[str, Tensor],
    tuned_state: Mapping[str, Tensor],
    info: DeltaInfo | None = None,
) -> Delta:
    """Make the delta between any two checkpoints of one architecture.

    Entries count as changed if a bit differs. If more than half of a tensor
    has changed, it is stored whole. A tensor that the base lacks is new.

    Args:
        base_state: State dict of the base, without a head that was initialised
            at random or has other classes.
        tuned_state: State dict of the tuned model.
        info: Facts about the task.

    Raises:
        ValueError: If the base has a tensor that the tuned model lacks, or
            that has another shape or dtype there.

    Example:
        >>> base = {'weight': torch.zeros(2, 4)}
        >>> tuned = {'weight': torch.eye(2, 4), 'head': torch.ones(3)}
        >>> delta = extract(base, tuned)
        >>> delta.selection['weight'], delta.new
        (tensor([0, 5]), frozenset({'head'}))
    """
    changes: dict[str, Change] = {}
    for name, base, tuned in _pairs(base_state, tuned_state):
        indices = _differing(base, tuned)
        if indices is None or 0 < 2 * len(indices) <= tuned.numel():
            changes[name] = _change(tuned, base, indices)
        elif len(indices):
            changes[name] = _change(tuned, base, None)
    return _of_base(base_state, changes, info)


def _of_base(
    base_state: Mapping[str, Tensor],
    changes: Mapping[str, Change],
    info: DeltaInfo | None,
) -> Delta:
    base = all_tensors(base_state)
    untouched = {n: t for n, t in base.items() if n not in changes}
    info = info or DeltaInfo()
    return Delta(
        with_codes(changes, info.plan),
        info,
        fingerprint_of(base),
        sketches_of(untouched),
    )


def _change(
    tuned: Tensor, base: Tensor | None, indices: Tensor | None
) -> Change:
    if base is None:
        return change_of(tuned, indices, None)
    known = digest(entries_of(base, indices), base.shape)
    return change_of(tuned, indices, known)


def _pairs(
    base_state: Mapping[str, Tensor], tuned_state: Mapping[str, Tensor]
) -> list[tuple[str, Tensor | None, Tensor]]:
    base, tuned = all_tensors(base_state), all_tensors(tuned_state)
    lost = sorted(base.keys() - tuned.keys())
    if lost:
        raise ValueError(
            f'tuned_state: expected all {len(base)} tensors of the base, got '
            f'none for {len(lost)} of them ({lost[0]}, ...). A delta can '
            'replace and add tensors, but not remove any; leave these out of '
            'the base.'
        )
    for name, tensor in base.items():
        found = tuned[name]
        if (found.shape, found.dtype) != (tensor.shape, tensor.dtype):
            raise ValueError(
                f'tuned_state: expected shape {tuple(tensor.shape)} of '
                f'{tensor.dtype}, got {tuple(found.shape)} of {found.dtype} '
                f'({name}). If it is a head for other classes, leave it out '
                'of the base, so that it counts as new.'
            )
    return [(name, base.get(name), tensor) for name, tensor in tuned.items()]


def _differing(
    base: Tensor | None, tuned: Tensor
) -> Tensor | None:  # shape: (num_differing,)
    """Flat indices of the entries that differ in a bit; None if no base."""
    if base is None:
        return None
    if same_bits(base, tuned):
        return torch.empty(0, dtype=torch.int64)
    return (as_integers(base) != as_integers(tuned)).nonzero().flatten().cpu()
