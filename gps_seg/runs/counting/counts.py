# Copyright (c) gps_seg contributors. Apache-2.0.
"""Count the values that a method would train in the model of a config.

The counts follow from shapes alone. The model is built without memory for its
weights, and neither data nor weights are needed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmengine.config import Config
from torch import nn

from gps_seg.additions import Plan
from gps_seg.additions.building import without_memory
from gps_seg.engine.reporting.trained_values import TrainedValues
from gps_seg.engine.training.hook_settings import peft_hook, peft_hooks
from gps_seg.engine.training_mode import in_training_mode
from gps_seg.peft import (
    METHODS,
    PeftMethod,
    build_method,
    weights_to_select,
)
from gps_seg.runs.counting.shapes import model_of_shapes
from gps_seg.sparse import Owned, Role, owned_parameters


class Count(NamedTuple):
    """Number of values in parameters, in total and trained.

    Args:
        kind: Kind of the parameters, such as ``Linear.weight``.
        tensors: Number of parameters.
        entries: Number of values in them.
        selected: Number of connections that train.
        whole: Number of values in parameters that train whole.
    """

    kind: str
    tensors: int
    entries: int
    selected: int
    whole: int

    @property
    def trained(self) -> int:
        """Values that the optimizer steps."""
        return self.selected + self.whole

    @property
    def frozen(self) -> int:
        """Values that do not change."""
        return self.entries - self.trained

    @property
    def share(self) -> float:
        """Share of the values that train, in [0, 1]."""
        return self.trained / self.entries


@dataclass(frozen=True)
class ModelCount:
    """Counts of one model under one method.

    Args:
        encoder: Class of the encoder.
        kinds: Counts of the encoder, one for each kind of parameter.
        head: Count of everything outside the encoder.
        biases: Number of values in the encoder's biases that train.
        added: Counts of what is added to the model, one for each kind.
        spread: Number of connections of the encoder that train, without those
            in ``kinds``: data decides in which weights they are.
        open: Facts that only the pass over the training data decides, one
            sentence each.
    """

    encoder: str
    kinds: tuple[Count, ...]
    head: Count
    biases: int
    added: tuple[Count, ...] = ()
    spread: int = 0
    open: tuple[str, ...] = ()

    @property
    def total(self) -> Count:
        """The whole encoder, without what is added."""
        return _sum('encoder', [*self.kinds, Count('', 0, 0, self.spread, 0)])

    @property
    def model(self) -> Count:
        """The whole model, encoder, head and what is added."""
        return _sum('model', [self.total, self.head, *self.added])

    @property
    def encoder_share(self) -> float:
        """Trained and added values of the encoder, as a share of its own."""
        trained = self.total.trained + self.trained.added
        return trained / self.total.entries

    @property
    def trained(self) -> TrainedValues:
        """Values that train: connections, biases, added, head, others."""
        return TrainedValues(
            connections=self.total.selected,
            biases=self.biases,
            head=self.head.trained,
            other=self.total.whole - self.biases,
            total=self.model.entries,
            added=sum(count.entries for count in self.added),
        )


def count_config(config: Config, k: int | None = None) -> ModelCount:
    """Counts for the model and the method of a config.

    Args:
        config: Config of a segmentor or a classifier; it is not changed.
        k: Connections per neuron; None for those of the config's PeftHook, or
            1 without one.

    Raises:
        ValueError: If the config's method does not fit the model.
    """
    return count_model(model_of_shapes(config), method_of(config, k))


def count_model(model: nn.Module, method: PeftMethod) -> ModelCount:
    """Counts of a method for a model; see :func:`count_config`."""
    with in_training_mode(model):
        return _count_model(model, method)


def _count_model(model: nn.Module, method: PeftMethod) -> ModelCount:
    roles = method.roles(model)
    weights = weights_to_select(model, roles)
    method.check(weights)
    plan = method.additions(model, None)
    if method.budget is not None:
        plan = Plan()  # what it may become, not what it will be
    sizes = method.sizes(weights)
    inside: dict[str, list[Count]] = {}
    outside, biases = [], 0
    for name, owned in owned_parameters(model):
        count = _count(owned, roles[name], (sizes or {}).get(name, 0))
        if name.startswith(f'{method.encoder}.'):
            inside.setdefault(count.kind, []).append(count)
            biases += count.whole if owned.is_bias else 0
        else:
            outside.append(count)
    return ModelCount(
        type(model.get_submodule(method.encoder)).__name__,
        tuple(_sum(kind, counts) for kind, counts in inside.items()),
        _sum('head', outside),
        biases,
        _added(plan, model),
        (sizes or {}).get('', 0),
        tuple(_unknown(method, sizes)),
    )


def method_of(config: Config, k: int | None = None) -> PeftMethod:
    """The method of the config's PeftHook, or else GPS with ``k=1``.

    Args:
        config: Config of a training.
        k: Connections per neuron; None for those of the config.

    Raises:
        ValueError: If there are two hooks, or the method has no ``k``.
    """
    settings: dict[str, Any] = dict(type='gps', k=1)
    if peft_hooks(config):
        settings = dict(peft_hook(config)['method'])
    if k is not None:
        settings['k'] = k
    return build_method(settings, METHODS)


def _added(plan: Plan, model: nn.Module) -> tuple[Count, ...]:
    """One count for each kind of addition."""
    kinds: dict[str, list[Count]] = {}
    for one, addition in without_memory(plan, model.state_dict()):
        kind = f'{one.kind} (added)'
        kinds.setdefault(kind, []).extend(
            Count(kind, 1, parameter.numel(), 0, parameter.numel())
            for parameter in addition.parameters()
        )
    return tuple(_sum(kind, counts) for kind, counts in kinds.items())


def _unknown(
    method: PeftMethod, sizes: Mapping[str, int] | None
) -> Iterator[str]:
    """What the pass over the training data decides."""
    if method.budget is not None:
        yield (
            f'Data decides which values of the encoder train, '
            f'{method.budget:,} at most; they are not counted.'
        )
        return
    if sizes is None:
        yield 'Data decides how many connections train; they are not counted.'
    elif '' in sizes:
        yield (
            f'Data decides in which weights the {sizes[""]:,} connections '
            "are; the rows of the encoder's weights leave them out."
        )


def _count(owned: Owned, role: Role, selected: int) -> Count:
    kind, entries = owned.kind, owned.parameter.numel()
    if not owned.parameter.requires_grad:
        kind = f'{kind} (frozen by the config)'
    whole = entries if role is Role.WHOLE else 0
    return Count(kind, 1, entries, selected, whole)


def _sum(kind: str, counts: Iterable[Count]) -> Count:
    numbers = [(0, 0, 0, 0), *(count[1:] for count in counts)]
    return Count(kind, *(sum(column) for column in zip(*numbers, strict=True)))
