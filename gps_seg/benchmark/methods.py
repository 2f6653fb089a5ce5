# Copyright (c) gps_seg contributors. Apache-2.0.
"""The methods that are measured: one function and one row each.

Every function takes a segmentor, its loss and a selection, and returns a
:class:`~gps_seg.benchmark.contender.Contender`. All methods train the head;
those that train selected weights also train the encoder's biases.
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.contender import Contender
from gps_seg.benchmark.rivals import dense_mask, lora, scatter_add
from gps_seg.peft import Bias, Full, Linear, Trainable
from gps_seg.sparse import Role, Selection, gps_roles

Build = Callable[[nn.Module, Callable[[], Tensor], Selection], Contender]


@dataclass(frozen=True)
class Method:
    """A row of :data:`METHODS`.

    Args:
        build: Function that builds the contender; it may change the model.
        selects: Whether the method trains selected entries.
        requires: Name of an optional package that the method needs.
    """

    build: Build
    selects: bool = False
    requires: str | None = None

    @property
    def is_available(self) -> bool:
        """Whether the required package, if any, is installed."""
        return (
            self.requires is None
            or importlib.util.find_spec(self.requires) is not None
        )


@dataclass(frozen=True)
class Row:
    """A method at one number of connections per neuron.

    Args:
        method: Key of :data:`METHODS`.
        k: Connections per neuron; None for a method that does not select.
        label: Name in tables and pictures.
    """

    method: str
    k: int | None
    label: str


def full(
    model: nn.Module, loss: Callable[[], Tensor], _selection: Selection
) -> Contender:
    """Train all parameters."""
    return _whole(model, loss, Full().roles(model))


def linear(
    model: nn.Module, loss: Callable[[], Tensor], _selection: Selection
) -> Contender:
    """Train the head only."""
    return _whole(model, loss, Linear(encoder=ENCODER).roles(model))


def bias(
    model: nn.Module, loss: Callable[[], Tensor], _selection: Selection
) -> Contender:
    """Train the biases of the encoder, and the head."""
    return _whole(model, loss, Bias(encoder=ENCODER).roles(model))


def ours(
    model: nn.Module, loss: Callable[[], Tensor], selection: Selection
) -> Contender:
    """Train GPS as this package does."""
    trainable = Trainable(model, gps_roles(model, ENCODER), selection)
    return Contender(
        loss,
        dict(trainable.named_parameters()),
        passes=trainable.compressing,
        after_step=trainable.write,
    )


def _whole(
    model: nn.Module, loss: Callable[[], Tensor], roles: Mapping[str, Role]
) -> Contender:
    trainable = Trainable(model, roles, Selection({}, {}))
    return Contender(loss, dict(trainable.named_parameters()))


METHODS: Mapping[str, Method] = {
    'full': Method(full),
    'linear': Method(linear),
    'bias': Method(bias),
    'lora': Method(lora, requires='peft'),
    'dense-mask': Method(dense_mask, selects=True),
    'scatter-add': Method(scatter_add, selects=True),
    'ours': Method(ours, selects=True),
}


def rows_of(methods: Sequence[str], ks: Sequence[int]) -> list[Row]:
    """One row per method, and one per k for ours.

    The rivals that select use the first k: they handle dense tensors, so
    their cost hardly depends on it.

    Args:
        methods: Keys of :data:`METHODS`.
        ks: Numbers of connections per neuron.

    Raises:
        ValueError: If a method is unknown or repeated, or a k is not positive
            or repeated.

    Example:
        >>> [row.label for row in rows_of(['full', 'ours'], ks=[1, 5])]
        ['full', 'ours k=1', 'ours k=5']
    """
    _check(methods, ks)
    rows = []
    for name in methods:
        if name == 'ours':
            rows += [Row(name, k, f'ours k={k}') for k in ks]
        elif METHODS[name].selects:
            rows.append(Row(name, ks[0], name))
        else:
            rows.append(Row(name, None, name))
    return rows


def _check(methods: Sequence[str], ks: Sequence[int]) -> None:
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods or len(set(methods)) < len(methods):
        raise ValueError(
            f'methods: expected different ones of {", ".join(METHODS)}, '
            f'got {", ".join(methods) or "none"}.'
        )
    if not ks or min(ks) < 1 or len(set(ks)) < len(ks):
        raise ValueError(
            'k: expected different numbers of connections per neuron, each '
            f'1 or more, got {list(ks)}.'
        )
