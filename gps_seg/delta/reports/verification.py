# Copyright (c) gps_seg contributors. Apache-2.0.
"""Compare a delta with a base, and describe the result."""

from torch import nn

from gps_seg.delta.attaching import check_added
from gps_seg.delta.base.matching import match
from gps_seg.delta.base.sources import Source, find_tensors
from gps_seg.delta.delta import Delta


def verify(base: Source, delta: Delta) -> str:
    """Compare a delta with a base, and describe the result.

    In a model, new tensors must exist with the same shape, because
    :func:`~gps_seg.delta.application.apply` requires them. In a state dict
    they are not compared, nor does
    :func:`~gps_seg.delta.merging.merged_state` compare them.

    Args:
        base: Model or state dict, without a delta.
        delta: Delta to compare with it.

    Returns:
        A line for each kind of tensor.

    Raises:
        ValueError: If the delta does not fit; names the first tensor.

    Example:
        >>> from gps_seg.delta import extract
        >>> base, tuned = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> print(verify(base, extract(base.state_dict(), tuned.state_dict())))
        fits the delta
        2 tensors that it changes match (3 entries compared)
        0 tensors that it leaves alone match
    """
    is_model = isinstance(base, nn.Module)
    tensors = base.state_dict() if isinstance(base, nn.Module) else base
    check_added(tensors, delta)
    compared = delta.without_added() if is_model else delta.without_new()
    found = match(base, compared)
    known = {n: v for n, v in found.values.items() if n not in delta.new}
    count = sum(len(values) for values in known.values())
    lines = [
        'fits the delta',
        f'{len(known)} tensors that it changes match ({count:,} entries '
        'compared)',
        *_rest_lines(base, delta, len(found.rounded)),
    ]
    added, plan = delta.added, delta.info.plan
    if added:
        lines.append(
            f'{len(added)} tensors belong to {len(plan)} modules that it adds '
            '(shapes fit)'
        )
    if delta.new - added:
        rule = 'shapes fit' if is_model else 'not compared'
        lines.append(f'{len(delta.new - added)} tensors are new ({rule})')
    return '\n'.join(lines)


def _rest_lines(base: Source, delta: Delta, rounded: int) -> list[str]:
    if delta.fingerprint is None:
        return [
            'The other tensors were not recorded (file of version 1) and may '
            'be those of another base.'
        ]
    found = len(find_tensors(base, delta.untouched))
    line = f'{found} tensors that it leaves alone match'
    if rounded:
        line += f', {rounded} of them up to rounding'
    absent = len(delta.untouched) - found
    missing = f'{absent} tensors that it leaves alone are absent'
    return [line, missing] if absent else [line]
