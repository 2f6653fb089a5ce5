# Copyright (c) gps_seg contributors. Apache-2.0.
"""Put a delta on a model and take it off again, exactly.

Which model has which delta is kept in a weak table beside the models and not
in them, so that a model's modules, state-dict keys, copies and pickles are
those of a plain model. A copy of a model with a delta is a plain model with
the task merged into it: it has nothing to take off.

Threads may call these functions for one model: they take turns. A forward
pass does not wait for them. A thread that infers while another one switches
has to do so inside of ``with applied(...)``, which makes the others wait until
its block ends, or on a copy of the model.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from weakref import WeakKeyDictionary

from torch import nn

from gps_seg.delta.base.known_tensors import KnownTensors
from gps_seg.delta.base.matching import (
    another_base,
    base_values,
    tensors_of,
)
from gps_seg.delta.base.sources import find_tensors
from gps_seg.delta.base.whole import compare_rest, warn_of_rounding
from gps_seg.delta.delta import Delta
from gps_seg.delta.exchange import Exchange, OtherBitsError


class _ModelState:
    """What is kept of one model: its delta, and the digests of its tensors."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.known = KnownTensors()
        self.exchange: Exchange | None = None

    def present(self, action: str) -> Exchange:
        """The delta that is on the model; RuntimeError if there is none."""
        if self.exchange is None:
            raise RuntimeError(
                f'{action}: expected a model with a delta, got one without. '
                'Only the very model that apply was called with has one, not '
                'a copy of it.'
            )
        return self.exchange


_STATES: WeakKeyDictionary[nn.Module, _ModelState] = WeakKeyDictionary()


def apply(model: nn.Module, delta: Delta) -> None:
    """Turn a base model into the tuned one, in place, or leave it as it is.

    The whole base is compared with the fingerprint in the delta, if it has
    one, the first time; later only what changed in between is hashed again.

    Raises:
        RuntimeError: If the model has a delta already.
        ValueError: If the model is not the base of the delta; see
            :func:`~gps_seg.delta.base.matching.base_values`.
    """
    state = _state(model)
    with state.lock:
        if state.exchange is not None:
            raise RuntimeError(
                'apply: expected a model without a delta, got one that has '
                'one. Call revert first, or switch to change it for another.'
            )
        tensors = tensors_of(model, delta)
        _check_rest(model, delta, state.known)
        exchange = Exchange(delta, state.known)
        try:
            exchange.put_on(tensors)
        except OtherBitsError as other:
            base_values(model, delta)  # raises, naming all that differs
            raise another_base(delta, other.args) from None
        state.exchange = exchange


def revert(model: nn.Module) -> None:
    """Give the base model back, bit for bit, or leave it as it is.

    Raises:
        RuntimeError: If the model has no delta, or its values are no longer
            those of the delta, so that reverting would mix two models.
    """
    state = _state(model)
    with state.lock:
        exchange = state.present('revert')
        try:
            exchange.take_off(find_tensors(model, exchange.delta.changes))
        except OtherBitsError as other:
            raise RuntimeError(
                'revert: expected the values that the delta wrote, got '
                f'others ({other}). The model was trained, converted or '
                'loaded since. Load the base again and call forget.'
            ) from None
        state.exchange = None


def switch(model: nn.Module, delta: Delta) -> None:
    """Take off the model's delta, if it has one, and put on another.

    If the other one does not fit, the model has the first one as before.

    Raises:
        RuntimeError: As :func:`revert`.
        ValueError: As :func:`apply`.
    """
    state = _state(model)
    with state.lock:
        before = state.exchange
        if before is not None:
            revert(model)
        try:
            apply(model, delta)
        except BaseException:
            if before is not None:
                before.put_back(find_tensors(model, before.delta.changes))
                state.exchange = before
            raise


@contextmanager
def applied(model: nn.Module, delta: Delta) -> Iterator[nn.Module]:
    """The model with a delta, for the time of a ``with`` block.

    Other threads that want to change the delta of the model wait until then.

    Raises:
        RuntimeError: As :func:`apply` and :func:`revert`.
        ValueError: As :func:`apply`.
    """
    with _state(model).lock:
        apply(model, delta)
        try:
            yield model
        finally:
            revert(model)


def applied_delta(model: nn.Module) -> Delta | None:
    """The delta that a model has, if any."""
    state = _STATES.get(model)
    if state is None or state.exchange is None:
        return None
    return state.exchange.delta


def forget(model: nn.Module) -> None:
    """Take the model as it is for a plain one, and drop the stored base.

    For a model that was trained on, or that another checkpoint was loaded
    into, after a delta had been applied.

    Raises:
        RuntimeError: If the model has no delta.
    """
    state = _state(model)
    with state.lock:
        state.present('forget')
        state.exchange = None


def _state(model: nn.Module) -> _ModelState:
    return _STATES.setdefault(model, _ModelState())


def _check_rest(model: nn.Module, delta: Delta, known: KnownTensors) -> None:
    """Compare the model with the fingerprint of the base."""
    rest = compare_rest(model, delta, known)
    if rest.strangers:
        base_values(model, delta)  # raises, naming all that differs
        raise another_base(delta, rest.strangers)
    warn_of_rounding(delta, rest)
