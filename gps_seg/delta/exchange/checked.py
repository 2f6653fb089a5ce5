# Copyright (c) gps_seg contributors. Apache-2.0.
"""Put a delta on a model, if the model is its base."""

from torch import nn

from gps_seg.additions.hosts import hosts_in
from gps_seg.delta.base.matching import (
    another_base,
    base_values,
    tensors_of,
)
from gps_seg.delta.base.sources import find_tensors
from gps_seg.delta.base.whole import compare_rest, warn_of_rounding
from gps_seg.delta.delta import Delta
from gps_seg.delta.exchange.model_state import ModelState
from gps_seg.delta.exchange.one_delta import Exchange, OtherBitsError
from gps_seg.delta.exchange.one_pass import write


def put_on(model: nn.Module, delta: Delta, state: ModelState) -> Exchange:
    """Write the values of a delta.

    If an error is raised, the model is unchanged.

    Args:
        model: Model without a delta.
        delta: Delta to put on; what it adds is attached already.
        state: State of the model.

    Raises:
        ValueError: If the model is not the base of the delta.
    """
    tensors = tensors_of(model, delta)
    rest = compare_rest(model, delta, state.known)
    if rest.strangers:
        base_values(model, delta)  # raises, naming all that differs
        raise another_base(delta, rest.strangers)
    warn_of_rounding(delta, rest)
    exchange = state.exchange_for(delta)
    try:
        write(tensors, on=exchange)
    except OtherBitsError as other:
        base_values(model, delta)  # raises, naming all that differs
        raise another_base(delta, other.args) from None
    return exchange


def replaced(
    model: nn.Module, delta: Delta, state: ModelState
) -> Exchange | None:
    """Replace the delta of a model in one pass over its memory.

    Args:
        model: Model with or without a delta.
        delta: Delta to put on.
        state: State of the model.

    Returns:
        The exchange; None if the model is unchanged, because it has no delta,
        a delta adds modules, or something is not as expected. Then two steps
        are needed, and the one that fails gives the reason.
    """
    before = state.exchange
    if before is None or hosts_in(model) or delta.info.plan:
        return None
    changed, digests = before.delta.changes, delta.fingerprint or {}

    def check(name: str) -> None:
        if name in changed and name in digests:
            digest = state.known.digest(name, tensors[name])
            if digest != digests[name]:
                raise OtherBitsError(name)

    try:
        tensors = find_tensors(model, changed) | tensors_of(model, delta)
        rest = compare_rest(model, delta, state.known, skip=changed.keys())
        if rest.strangers:
            return None
        warn_of_rounding(delta, rest)
        after = state.exchange_for(delta)
        write(tensors, off=before, on=after, check=check)
    except (OtherBitsError, ValueError):
        return None
    return after
