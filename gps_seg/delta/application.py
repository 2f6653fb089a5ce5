# Copyright (c) gps_seg contributors. Apache-2.0.
"""Put a delta on a model and take it off again, exactly.

To take it off, the values that it replaced are stored, not computed: in
floating point ``(base + delta) - delta`` is not ``base``.

Which model has which delta is kept in a weak table beside the models and not
in them, so that a model's modules, state-dict keys, copies and pickles are
those of a plain model. A copy of a model with a delta is a plain model with
the task merged into it: it has nothing to take off.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from gps_seg.delta.change import digest, same_bits
from gps_seg.delta.delta import Delta
from gps_seg.delta.matching import base_values, tensors_of
from gps_seg.delta.merging import resolve
from gps_seg.delta.sources import find_tensors


class _OtherBits(Exception):  # noqa: N818 (it never leaves this module)
    """A tensor has not the values that it should have."""


@dataclass(frozen=True, eq=False)
class _Application:
    """Values at the entries of a delta, before and after, by tensor."""

    delta: Delta
    base: dict[str, Tensor]
    tuned: dict[str, Tensor]

    def read(self, name: str, tensor: Tensor) -> None:
        """Keep the base's values, and work out the new ones."""
        change = self.delta.changes[name]
        base = change.read(tensor)
        if change.base not in (None, digest(base, change.shape)):
            raise _OtherBits(name)
        self.tuned[name] = resolve(name, change, base)
        self.base[name] = base

    def check_names(self, tensors: Mapping[str, Tensor]) -> None:
        """Are all tensors still there?"""
        for name, change in self.delta.changes.items():
            if name not in tensors or tensors[name].shape != change.shape:
                raise _OtherBits(name)

    def check(self, name: str, tensor: Tensor) -> None:
        """Are the new values still in the model?"""
        values = self.delta.changes[name].read(tensor)
        if not same_bits(values, self.tuned[name]):
            raise _OtherBits(name)


_APPLICATIONS: WeakKeyDictionary[nn.Module, _Application] = WeakKeyDictionary()


def apply(model: nn.Module, delta: Delta) -> None:
    """Turn a base model into the tuned one, in place, or leave it as it is.

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
    tensors = tensors_of(model, delta)
    application = _Application(delta, {}, {})
    try:
        for names in _sharing_memory(tensors):
            for name in names:
                application.read(name, tensors[name])
            _write(tensors, delta, application.tuned, names)
    except BaseException as interruption:
        _write(tensors, delta, application.base, application.base)
        if isinstance(interruption, _OtherBits):
            base_values(model, delta)  # raises, naming all that differs
        raise
    _APPLICATIONS[model] = application


def revert(model: nn.Module) -> None:
    """Give the base model back, bit for bit, or leave it as it is.

    Raises:
        RuntimeError: If the model has no delta, or its values are no longer
            those of the delta, so that reverting would mix two models.
    """
    application = _application(model, 'revert')
    delta = application.delta
    tensors = find_tensors(model, delta.changes)
    checked: list[str] = []
    try:
        application.check_names(tensors)
        for names in _sharing_memory(tensors):
            for name in names:
                application.check(name, tensors[name])
            checked += names
            _write(tensors, delta, application.base, names)
    except BaseException as interruption:
        _write(tensors, delta, application.tuned, checked)
        if isinstance(interruption, _OtherBits):
            raise RuntimeError(
                f'revert: expected the values that the delta wrote, got '
                f'others ({interruption}). The model was trained, converted '
                'or loaded since. Load the base again and call forget.'
            ) from None
        raise
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
            _write(tensors, before.delta, before.tuned, before.tuned)
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


def _sharing_memory(tensors: Mapping[str, Tensor]) -> Iterable[list[str]]:
    """Names in groups: the tensors of one share memory, as tied ones do.

    A group is read before it is written, and written before the next one is
    read: entries lie scattered over the memory, and the second time they are
    in the cache.
    """
    groups: dict[int, list[str]] = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage().data_ptr()
        groups.setdefault(storage, []).append(name)
    return groups.values()


def _write(
    tensors: Mapping[str, Tensor],
    delta: Delta,
    values: Mapping[str, Tensor],
    names: Iterable[str],
) -> None:
    for name in names:
        tensor = tensors[name]
        delta.changes[name].write(tensor, values[name].to(tensor.device))
