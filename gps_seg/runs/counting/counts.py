# Copyright (c) gps_seg contributors. Apache-2.0.
"""Count the values that GPS would train in the model of a config.

The counts follow from shapes alone. The model is built without memory for its
weights, and neither data nor weights are needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmengine.config import Config
from torch import nn

from gps_seg.engine.plug_in.completion import peft_hook, peft_hooks
from gps_seg.engine.reporting.trained_values import TrainedValues
from gps_seg.engine.training_mode import in_training_mode
from gps_seg.peft import GPS, METHODS, build_method, weights_to_select
from gps_seg.runs.counting.shapes import model_of_shapes
from gps_seg.sparse import Owned, Role, owned_parameters
from gps_seg.sparse.neurons import as_neurons


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
    """Counts of one model.

    Args:
        encoder: Class of the encoder.
        kinds: Counts of the encoder, one for each kind of parameter.
        head: Count of everything outside the encoder.
        biases: Number of values in the encoder's biases that train.
    """

    encoder: str
    kinds: tuple[Count, ...]
    head: Count
    biases: int

    @property
    def total(self) -> Count:
        """The whole encoder."""
        return _sum('encoder', self.kinds)

    @property
    def model(self) -> Count:
        """The whole model, encoder and head."""
        return _sum('model', [self.total, self.head])

    @property
    def trained(self) -> TrainedValues:
        """Values that train: connections, biases, head, and any others."""
        return TrainedValues(
            connections=self.total.selected,
            biases=self.biases,
            head=self.head.trained,
            other=self.total.whole - self.biases,
            total=self.model.entries,
        )


def count_config(config: Config, k: int | None = None) -> ModelCount:
    """Counts of GPS for the model of a config.

    Args:
        config: Config of a segmentor or a classifier; it is not changed.
        k: Connections per neuron; None for ``k`` of the config's PeftHook, or
            1 without one. Encoder and rules are those of the PeftHook.

    Raises:
        ValueError: If the config's GPS does not fit the model, or a neuron
            has fewer than ``k`` connections.
    """
    return count_model(model_of_shapes(config), gps_of(config, k))


def count_model(model: nn.Module, method: GPS) -> ModelCount:
    """Counts of GPS for a model; see :func:`count_config`."""
    if method.scope != 'neuron' or method.k is None:
        raise ValueError(
            "count: expected method=dict(type='gps', k=...) with scope "
            f"'neuron', got {method}. With any other budget, the number in "
            'each layer depends on the scores.'
        )
    with in_training_mode(model):
        return _count_model(model, method, method.k)


def _count_model(model: nn.Module, method: GPS, k: int) -> ModelCount:
    roles = method.roles(model)
    method.check(weights_to_select(model, roles))
    inside: dict[str, list[Count]] = {}
    outside, biases = [], 0
    for name, owned in owned_parameters(model):
        count = _count(owned, roles[name], k)
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
    )


def gps_of(config: Config, k: int | None) -> GPS:
    """GPS with the settings of the config's PeftHook, or the defaults.

    Args:
        config: Config of a training.
        k: Connections per neuron; None for those of the config.

    Raises:
        ValueError: If the hook has another method, or there are two hooks.
    """
    settings: dict[str, Any] = dict(type='gps', k=1)
    if peft_hooks(config):
        settings = dict(peft_hook(config)['method'])
    if k is not None:
        settings['k'] = k
    method = build_method(settings, METHODS)
    if not isinstance(method, GPS):
        raise ValueError(
            f"count: expected method=dict(type='gps', ...), got {settings}. "
            'Only the connections of GPS can be counted.'
        )
    return method


def _count(owned: Owned, role: Role, k: int) -> Count:
    kind, entries = owned.kind, owned.parameter.numel()
    if not owned.parameter.requires_grad:
        kind = f'{kind} (frozen by the config)'
    selected = 0
    if role is Role.SELECTED:
        selected = k * len(as_neurons(owned.parameter, owned.module))
    whole = entries if role is Role.WHOLE else 0
    return Count(kind, 1, entries, selected, whole)


def _sum(kind: str, counts: Iterable[Count]) -> Count:
    numbers = [(0, 0, 0, 0), *(count[1:] for count in counts)]
    return Count(kind, *(sum(column) for column in zip(*numbers, strict=True)))
