# Copyright (c) gps_seg contributors. Apache-2.0.
"""Apply a delta to a model and revert it, exactly.

A copy of a model with a delta is a plain model with the task merged into it;
it has no delta that could be reverted.

Several threads may call these functions for the same model; they take turns.
A forward pass does not wait for them. If a thread runs the model while others
switch deltas, it must do so inside ``with applied(...)``, which makes the
others wait until the block ends, or use a copy of the model.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from gps_seg.additions import detach
from gps_seg.delta.attaching import attach_added
from gps_seg.delta.base.sources import find_tensors
from gps_seg.delta.delta import Delta
from gps_seg.delta.exchange.checked import put_on, replaced
from gps_seg.delta.exchange.model_state import state_of
from gps_seg.delta.exchange.one_delta import OtherBitsError, TensorsInMemory
from gps_seg.delta.exchange.one_pass import write


def apply(model: nn.Module, delta: Delta) -> None:
    """Turn a base model into the tuned one, in place.

    The first call compares the whole base with the fingerprint in the delta,
    if there is one; later calls hash only tensors that have changed. What the
    method of the delta adds to a model is attached to this one. If an error is
    raised, the model is unchanged.

    Args:
        model: Base of the delta, without a delta.
        delta: Delta to apply.

    Raises:
        RuntimeError: If a delta has already been applied to the model, or
            something has been added to it by a method.
        ValueError: If the model is not the base of the delta; see
            :func:`~gps_seg.delta.base.matching.base_values`.

    Example:
        >>> from gps_seg.delta import extract
        >>> base, tuned = nn.Linear(4, 2), nn.Linear(4, 2)
        >>> delta = extract(base.state_dict(), tuned.state_dict())
        >>> apply(base, delta)
        >>> bool((base.weight == tuned.weight).all())
        True
    """
    state = state_of(model)
    with state.lock:
        if state.exchange is not None:
            raise RuntimeError(
                'apply: expected a model without a delta, got one with a '
                'delta. Call revert first, or use switch.'
            )
        attach_added(model, delta)
        try:
            state.exchange = put_on(model, delta, state)
        except BaseException:
            detach(model)
            raise


def revert(model: nn.Module) -> None:
    """Restore the base model, bit for bit, in place.

    If an error is raised, the model is unchanged.

    Args:
        model: Model with a delta.

    Raises:
        RuntimeError: If the model has no delta, or its values have changed
            since, so that reverting would mix two models.

    Example:
        >>> from gps_seg.delta import extract
        >>> base, tuned = nn.Linear(4, 2), nn.Linear(4, 2)
        >>> before = base.weight.clone()
        >>> apply(base, extract(base.state_dict(), tuned.state_dict()))
        >>> revert(base)
        >>> bool((base.weight == before).all())
        True
    """
    state = state_of(model)
    with state.lock:
        exchange = state.present('revert')
        try:
            write(find_tensors(model, exchange.delta.changes), off=exchange)
        except OtherBitsError as other:
            raise RuntimeError(
                'revert: expected the values that the delta wrote, got '
                f'others ({other}). The model has since been trained, '
                'converted or loaded. Load the base again and call forget.'
            ) from None
        detach(model)
        state.exchange = None


def switch(model: nn.Module, delta: Delta) -> None:
    """Replace the model's delta, if it has one, by another.

    If the new delta does not fit, the model keeps the old one.

    Args:
        model: Base of the delta, with or without another delta.
        delta: Delta to apply.

    Raises:
        RuntimeError: See :func:`revert`.
        ValueError: See :func:`apply`.

    Example:
        >>> from gps_seg.delta import extract
        >>> base, polyps, veins = (nn.Linear(4, 2) for _ in range(3))
        >>> plain = {n: t.clone() for n, t in base.state_dict().items()}
        >>> switch(base, extract(plain, polyps.state_dict()))
        >>> switch(base, extract(plain, veins.state_dict()))
        >>> bool((base.weight == veins.weight).all())
        True
    """
    state = state_of(model)
    with state.lock:
        after = replaced(model, delta, state)
        if after is not None:
            state.exchange = after
            return
        before = state.exchange
        if before is not None:
            revert(model)
        try:
            apply(model, delta)
        except BaseException:
            if before is not None:
                attach_added(model, before.delta)
                tensors = find_tensors(model, before.delta.changes)
                before.cancel_take_off(TensorsInMemory(tensors))
                state.exchange = before
            raise


@contextmanager
def applied(model: nn.Module, delta: Delta) -> Iterator[nn.Module]:
    """Apply a delta for the duration of a ``with`` block.

    Other threads that would change the delta of the model wait for its end.

    Args:
        model: Base of the delta, without a delta.
        delta: Delta to apply.

    Raises:
        RuntimeError: See :func:`apply` and :func:`revert`.
        ValueError: See :func:`apply`.

    Example:
        >>> from gps_seg.delta import extract
        >>> base, tuned = nn.Linear(4, 2), nn.Linear(4, 2)
        >>> delta = extract(base.state_dict(), tuned.state_dict())
        >>> with applied(base, delta) as model:
        ...     bool((model.weight == tuned.weight).all())
        True
        >>> bool((base.weight == tuned.weight).any())
        False
    """
    with state_of(model).lock:
        apply(model, delta)
        try:
            yield model
        finally:
            revert(model)


def applied_delta(model: nn.Module) -> Delta | None:
    """The delta of a model; None if it has none."""
    exchange = state_of(model).exchange
    return None if exchange is None else exchange.delta


def forget(model: nn.Module) -> None:
    """Treat a model with a delta as a plain model; drop the stored base.

    Use this after training a model with a delta, or after loading another
    checkpoint into it.

    Args:
        model: Model with a delta.

    Raises:
        RuntimeError: If the model has no delta.

    Example:
        >>> from gps_seg.delta import extract
        >>> base, tuned = nn.Linear(4, 2), nn.Linear(4, 2)
        >>> apply(base, extract(base.state_dict(), tuned.state_dict()))
        >>> forget(base)  # a plain model now; the base is lost
        >>> bool((base.weight == tuned.weight).all())
        True
    """
    state = state_of(model)
    with state.lock:
        state.present('forget')
        state.exchange = None
