# Copyright (c) gps_seg contributors. Apache-2.0.
"""Put a delta on a model and take it off again, exactly.

To take it off, the values that it replaced are stored, not computed: in
floating point ``(base + delta) - delta`` is not ``base``.

Which model has which delta is kept in a weak table beside the models and not
in them, so that a model's modules, state-dict keys, copies and pickles are
those of a plain model. A copy of a model with a delta is a plain model with
the task merged into it: it has nothing to take off.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from gps_seg.delta.change import same_bits
from gps_seg.delta.delta import Delta
from gps_seg.delta.matching import base_values
from gps_seg.delta.merging import resolved
from gps_seg.delta.sources import find_tensors


@dataclass(frozen=True, eq=False)
class _Application:
    delta: Delta
    base: Mapping[str, Tensor]
    tuned: Mapping[str, Tensor]


_APPLICATIONS: WeakKeyDictionary[nn.Module, _Application] = WeakKeyDictionary()


def apply(model: nn.Module, delta: Delta) -> None:
    """Turn a base model into the tuned one, in place.

    Everything is checked before anything is written.

    Raises:
        RuntimeError: If the model has a delta already.
        ValueError: If the model is not the base of the delta; see
            :func:`~gps_seg.delta.matching.base_values`.
    """
    if model in _APPLICATIONS:
        raise RuntimeError(
            'apply: expected a model without a delta, got one that has one. '
            'Call revert first, or switch to change it for another.'
        )
    base = base_values(model, delta)
    tuned = resolved(delta, base)
    tensors = find_tensors(model, delta.changes)
    _write_all(tensors, delta, new=tuned, old=base)
    _APPLICATIONS[model] = _Application(delta, base, tuned)


def revert(model: nn.Module) -> None:
    """Give the base model back, bit for bit.

    Raises:
        RuntimeError: If the model has no delta, or its values are no longer
            those of the delta, so that reverting would mix two models.
    """
    application = _application(model, 'revert')
    delta = application.delta
    tensors = find_tensors(model, delta.changes)
    changed = [
        name
        for name, change in delta.changes.items()
        if name not in tensors
        or tensors[name].shape != change.shape
        or not same_bits(change.read(tensors[name]), application.tuned[name])
    ]
    if changed:
        raise RuntimeError(
            f'revert: expected the values that the delta wrote, got others '
            f'in {len(changed)} tensors ({changed[0]}, ...). The model was '
            'trained, converted or loaded since. Load the base again and '
            'call forget.'
        )
    _write_all(tensors, delta, new=application.base, old=application.tuned)
    del _APPLICATIONS[model]


def switch(model: nn.Module, delta: Delta) -> None:
    """Take off the model's delta, if it has one, and put on another.

    If the other one does not fit, the model has the first one as before.

    Raises:
        RuntimeError: As :func:`revert`.
        ValueError: As :func:`apply`.
    """
    before = _APPLICATIONS.get(model)
    if before is not None:
        revert(model)
    try:
        apply(model, delta)
    except BaseException:
        if before is not None:
            tensors = find_tensors(model, before.delta.changes)
            _write_all(
                tensors, before.delta, new=before.tuned, old=before.base
            )
            _APPLICATIONS[model] = before
        raise


@contextmanager
def applied(model: nn.Module, delta: Delta) -> Iterator[nn.Module]:
    """The model with a delta, for the time of a ``with`` block.

    Raises:
        RuntimeError: As :func:`apply` and :func:`revert`.
        ValueError: As :func:`apply`.
    """
    apply(model, delta)
    try:
        yield model
    finally:
        revert(model)


def applied_delta(model: nn.Module) -> Delta | None:
    """The delta that a model has, if any."""
    application = _APPLICATIONS.get(model)
    return None if application is None else application.delta


def forget(model: nn.Module) -> None:
    """Take the model as it is for a plain one, and drop the stored base.

    For a model that was trained on, or that another checkpoint was loaded
    into, after a delta had been applied.

    Raises:
        RuntimeError: If the model has no delta.
    """
    _application(model, 'forget')
    del _APPLICATIONS[model]


def _application(model: nn.Module, action: str) -> _Application:
    try:
        return _APPLICATIONS[model]
    except KeyError:
        raise RuntimeError(
            f'{action}: expected a model with a delta, got one without. '
            'Only the very model that apply was called with has one, not a '
            'copy of it.'
        ) from None


def _write_all(
    tensors: Mapping[str, Tensor],
    delta: Delta,
    *,
    new: Mapping[str, Tensor],
    old: Mapping[str, Tensor],
) -> None:
    """Write all new values, or, if interrupted, the old ones again."""
    try:
        _write(tensors, delta, new)
    except BaseException:
        _write(tensors, delta, old)
        raise


def _write(
    tensors: Mapping[str, Tensor],
    delta: Delta,
    values: Mapping[str, Tensor],
) -> None:
    for name, change in delta.changes.items():
        change.write(tensors[name], values[name].to(tensors[name].device))
