# Copyright (c) gps_seg contributors. Apache-2.0.
"""The methods that are measured: all of this package, and rivals.

Every function takes a segmentor, its loss and a selection, and returns a
:class:`~gps_seg.benchmark.contender.Contender`. All methods train the head;
the rivals that train selected weights also train the encoder's biases. The
methods of :data:`gps_seg.peft.METHODS` make their own selection, if any, when
they are built.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
