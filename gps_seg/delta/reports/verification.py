# Copyright (c) gps_seg contributors. Apache-2.0.
"""Say what of a delta was compared with a base, and fits."""

from torch import nn

from gps_seg.delta.base.matching import match
from gps_seg.delta.base.sources import Source, find_tensors
from gps_seg.delta.delta import Delta


def verify(base: Source, delta: Delta) -> str:
    """Compare a delta with a base, in words.

    Of a model, tensors that are new in the task must be there with the same
    shape, as :func:`~gps_seg.delta.application.apply` needs them; of a state
    dict they are left out of account, as by
    :func:`~gps_seg.delta.merging.merged_state`.

    Raises:
        ValueError: If it does not fit, naming the first tensor.
    """
    is_model = isinstance(base, nn.Module)
    compared = delta if is_model else delta.without_new()
    found = match(base, compared)
    known = {n: v for n, v in found.values.items() if n not in delta.new}
    count = sum(len(values) for values in known.values())
    told = f'{len(known)} tensors have the fingerprint of the base ({count:,} '
    rest = _told_of_rest(base, delta, len(found.rounded))
    told += f'entries compared), {rest}'
    if delta.new:
        rule = 'shapes fit' if is_model else 'not compared'
        told += f', {len(delta.new)} are new in the task ({rule})'
    return told


def _told_of_rest(base: Source, delta: Delta, rounded: int) -> str:
    if delta.fingerprint is None:
        return (
            'the rest was not recorded (file of version 1) and may be of '
            'another base'
        )
    found = len(find_tensors(base, delta.untouched))
    told = f'{found} that the delta leaves alone are those of the base'
    if rounded:
        told += f' ({rounded} of them up to rounding)'
    absent = len(delta.untouched) - found
    return f'{told}, {absent} are absent' if absent else told
