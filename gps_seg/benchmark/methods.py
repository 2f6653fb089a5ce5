# Copyright (c) gps_seg contributors. Apache-2.0.
"""The methods that are measured: all of this package, and rivals.

Every function takes a segmentor, its loss and a selection, and returns a
:class:`~gps_seg.benchmark.contender.Contender`. All methods train the head;
the rivals that train selected weights also train the encoder's biases. The
methods of :data:`gps_seg.peft.METHODS` make their own selection, if any, when
they are built.
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.contender import Contender
from gps_seg.benchmark.rivals import dense_mask, lora, scatter_add
from gps_seg.peft import METHODS as PEFT_METHODS
from gps_seg.peft import Trainable, build_method, tune
from gps_seg.sparse import Selection, gps_roles

Build = Callable[..., Contender]


@dataclass(frozen=True)
class Method:
    """A row of :data:`METHODS`.

    Args:
        build: Function that builds the contender from a segmentor, its loss
            and a selection; it may change the model.
        selects: Whether the method trains the entries of that selection.
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
        k: Connections per neuron; None for a method that does not use the
            common selection.
        label: Name in tables and pictures.
        settings: Settings of a method of this package.
    """

    method: str
    k: int | None
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def tuned(
    name: str,
    model: nn.Module,
    loss: Callable[[], Tensor],
    _selection: Selection,
    **settings: Any,
) -> Contender:
    """Tune by a method of this package.

    Args:
        name: Key of :data:`gps_seg.peft.METHODS`.
        model: Segmentor; changed in place.
        loss: Function that runs the model on the batch.
        **settings: Settings of the method.
    """
    method = build_method({'type': name, **settings}, PEFT_METHODS)
    trainable = tune(model, method, [loss], seed=0)

    def penalised() -> Tensor:
        value = loss()  # the penalty may be of what this pass computes
        penalty = trainable.penalty()
        return value if penalty is None else value + penalty

    return Contender(
        penalised,
        dict(trainable.named_parameters()),
        passes=trainable.compressing,
        after_step=trainable.write,
    )


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


_RIVALS: Mapping[str, Method] = {
    'peft-lora': Method(lora, requires='peft'),
    'dense-mask': Method(dense_mask, selects=True),
    'scatter-add': Method(scatter_add, selects=True),
    'ours': Method(ours, selects=True),
}
#: Methods of this package, by their ``type`` in a config, then the rivals.
METHODS: Mapping[str, Method] = {
    **{
        name: Method(partial(tuned, name), requires=kind.package)
        for name, kind in PEFT_METHODS.items()
    },
    **_RIVALS,
}
#: Methods that are measured if none are named.
DEFAULT = ('full', 'linear', 'bias', *_RIVALS)


def rows_of(
    methods: Sequence[str],
    ks: Sequence[int],
    options: Mapping[str, Any] | None = None,
) -> list[Row]:
    """One row per method, and one per k for ours.

    The rivals that select use the first k: they handle dense tensors, so
    their cost hardly depends on it.

    Args:
        methods: Keys of :data:`METHODS`.
        ks: Numbers of connections per neuron.
        options: Settings of methods of this package by dotted key, such as
            ``{'lora.rank': 16}``.

    Raises:
        ValueError: If a method is unknown or repeated, a k is not positive or
            repeated, or settings are wrong or missing.

    Example:
        >>> [row.label for row in rows_of(['full', 'ours'], ks=[1, 5])]
        ['full', 'ours k=1', 'ours k=5']
        >>> rows_of(['lora'], ks=[1], options={'lora.rank': 2})
        [Row(method='lora', k=None, label='lora', settings={'rank': 2})]
    """
    _check(methods, ks)
    settings = _settings_of(methods, options or {})
    rows = []
    for name in methods:
        if name == 'ours':
            rows += [Row(name, k, f'ours k={k}') for k in ks]
        elif METHODS[name].selects:
            rows.append(Row(name, ks[0], name))
        else:
            rows.append(Row(name, None, name, settings.get(name, {})))
    return rows


def _settings_of(
    methods: Sequence[str], options: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The settings of each method of this package; checked."""
    own = [name for name in methods if name in PEFT_METHODS]
    found: dict[str, dict[str, Any]] = {name: {} for name in own}
    for key, value in options.items():
        name, _, setting = key.partition('.')
        if name not in found or not setting:
            raise ValueError(
                'method-options: expected METHOD.KEY=VALUE with a method '
                f'among {", ".join(own) or "none"}, got {key}.'
            )
        found[name][setting] = value
    for name, settings in found.items():
        try:
            build_method({'type': name, **settings}, PEFT_METHODS)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f'{error} (method {name}; --method-options {name}.KEY=VALUE)'
            ) from error
    return found


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
