# Copyright (c) gps_seg contributors. Apache-2.0.
"""The methods that are measured: one function and one row each.

Every function takes a segmentor, its loss and a selection, and gives a
:class:`~gps_seg.benchmark.contender.Contender`. The head trains in all of
them, the encoder's biases wherever selected weights do.
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
        build: Makes the contender; the model may be changed for good.
        selects: Whether it trains selected entries.
        requires: Optional package without which it cannot be measured.
    """

    build: Build
    selects: bool = False
    requires: str | None = None

    @property
    def is_available(self) -> bool:
        """Whether the package that it requires, if any, is installed."""
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
    model: nn.Module, loss: Callable[[], Tensor], selection: Selection
) -> Contender:
    """All parameters train."""
    del selection
    return _whole(model, loss, Full().roles(model))


def linear(
    model: nn.Module, loss: Callable[[], Tensor], selection: Selection
) -> Contender:
    """The head alone trains."""
    del selection
    return _whole(model, loss, Linear(encoder=ENCODER).roles(model))


def bias(
    model: nn.Module, loss: Callable[[], Tensor], selection: Selection
) -> Contender:
    """The biases of the encoder and the head train."""
    del selection
    return _whole(model, loss, Bias(encoder=ENCODER).roles(model))


def ours(
    model: nn.Module, loss: Callable[[], Tensor], selection: Selection
) -> Contender:
    """GPS as this package trains it."""
    trainable = Trainable(model, gps_roles(model, ENCODER), selection)
    return Contender(
        loss,
        trained_by_name(trainable),
        passes=trainable.compressing,
        after_step=trainable.write,
    )


def _whole(
    model: nn.Module, loss: Callable[[], Tensor], roles: Mapping[str, Role]
) -> Contender:
    trainable = Trainable(model, roles, Selection({}, {}))
    return Contender(loss, trained_by_name(trainable))


def trained_by_name(trainable: Trainable) -> dict[str, nn.Parameter]:
    """What the optimizer is given, by the name of the parameter it is of."""
    return {
        trainable.names[parameter]: trained
        for parameter, trained in trainable.form.items()
    }


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
    """One row per method, and of ours one per k.

    The rivals that select take the first k: what they cost hardly depends on
    it, as what they handle is dense.

    Raises:
        ValueError: If a method is unknown or named twice, or a k is not a
            positive number or given twice.
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
            f'methods: expected different ones among {list(METHODS)}, got '
            f'{list(methods)}.'
        )
    if not ks or min(ks) < 1 or len(set(ks)) < len(ks):
        raise ValueError(
            'k: expected different numbers of connections per neuron, each '
            f'1 or more, got {list(ks)}.'
        )
