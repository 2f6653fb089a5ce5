# Copyright (c) gps_seg contributors. Apache-2.0.
"""What GPS would train of a config's model: counts, without data and weights.

Counts are arithmetic on shapes, so the model is built without the memory of
its weights, and nothing is downloaded.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn
from torch.overrides import TorchFunctionMode

from gps_seg.engine.plug_in.completion import peft_hook, peft_hooks
from gps_seg.engine.training_mode import in_training_mode
from gps_seg.peft import GPS, METHODS, build_method, weights_to_select
from gps_seg.sparse import Owned, Role, owned_parameters
from gps_seg.sparse.neurons import as_neurons
from gps_seg.text.markdown import code, table
from gps_seg.text.table import aligned


class Count(NamedTuple):
    """Entries of parameters, and what of them trains.

    Args:
        kind: What these parameters are.
        tensors: Number of parameters.
        entries: Number of entries in them.
        selected: Connections that train.
        whole: Entries of those that train whole.
    """

    kind: str
    tensors: int
    entries: int
    selected: int
    whole: int

    @property
    def frozen(self) -> int:
        """Entries that keep their bits."""
        return self.entries - self.selected - self.whole

    @property
    def share(self) -> float:
        """What trains, as a share in [0, 1]."""
        return (self.selected + self.whole) / self.entries


@dataclass(frozen=True)
class ModelCount:
    """Counts of one model.

    Args:
        encoder: Class of the encoder.
        kinds: One row for each kind of parameter in it, as ``Linear.weight``.
        outside: What lies outside the encoder.
    """

    encoder: str
    kinds: tuple[Count, ...]
    outside: Count

    @property
    def total(self) -> Count:
        """The whole encoder."""
        return _sum('encoder', self.kinds)


def count_config(config: Config, k: int | None = None) -> ModelCount:
    """Counts of GPS for the model of a config.

    Args:
        config: Config of a segmentor or a classifier; left as it is.
        k: Connections per neuron. By default that of the config's PeftHook,
            whose encoder and rules are used too, or 1.

    Raises:
        ValueError: If the config's GPS does not fit the model, or it has not
            ``k`` connections for each neuron.
    """
    return count_model(model_of_shapes(config), gps_of(config, k))


def count_model(model: nn.Module, method: GPS) -> ModelCount:
    """Counts of GPS for a model; see :func:`count_config`."""
    if method.scope != 'neuron' or method.k is None:
        raise ValueError(
            "count: expected method=dict(type='gps', k=...) with scope "
            f"'neuron', got {method}. With any other budget the scores decide "
            'how much of each layer trains.'
        )
    with in_training_mode(model):
        return _count_model(model, method, method.k)


def _count_model(model: nn.Module, method: GPS, k: int) -> ModelCount:
    roles = method.roles(model)
    method.check(weights_to_select(model, roles))
    inside: dict[str, list[Count]] = {}
    outside = []
    for name, owned in owned_parameters(model):
        count = _count(owned, roles[name], k)
        if name.startswith(f'{method.encoder}.'):
            inside.setdefault(count.kind, []).append(count)
        else:
            outside.append(count)
    return ModelCount(
        type(model.get_submodule(method.encoder)).__name__,
        tuple(_sum(kind, counts) for kind, counts in inside.items()),
        _sum('outside', outside),
    )


def gps_of(config: Config, k: int | None) -> GPS:
    """The GPS that the config's PeftHook names, or the plain one.

    Raises:
        ValueError: If the hook names another method, or there are two hooks.
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
            'Other methods need no table: they train the same tensors whole.'
        )
    return method


class _WithoutMemory(TorchFunctionMode):
    """Layers made inside have shapes and no values.

    ``torch.device('meta')`` would also take the few numbers that constructors
    compute with, such as rates of stochastic depth.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty and kwargs.get('device') is None:
            kwargs['device'] = 'meta'
        return func(*args, **kwargs)


def model_of_shapes(config: Config) -> nn.Module:
    """The config's model; most of its weights have a shape and no values."""
    init_default_scope(config.get('default_scope') or 'mmseg')
    with _WithoutMemory():
        return MODELS.build(copy.deepcopy(config.model))


def format_count(count: ModelCount) -> str:
    """Aligned text: a line per kind of parameter in the encoder."""
    head = ('kind', 'tensors', 'entries', 'selected', 'whole', 'frozen')
    total = count.total
    rows = [*count.kinds, total, count.outside]
    return (
        f'{aligned([head, *map(_cells, rows)])}\n'
        f'{100 * total.share:.3f} % of the encoder ({count.encoder}) trains'
    )


def markdown_table(counts: Sequence[tuple[str, ModelCount]]) -> str:
    """A line for each model.

    Args:
        counts: Name and counts of each.
    """
    head = (
        'config',
        'encoder',
        'parameters',
        'selected',
        'biases and other whole',
        'share',
    )
    rows = [
        (
            code(name),
            count.encoder,
            count.total.entries,
            count.total.selected,
            count.total.whole,
            f'{100 * count.total.share:.3f} %',
        )
        for name, count in counts
    ]
    return table([head, *rows])


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


def _cells(count: Count) -> list[str]:
    numbers = (*count[1:], count.frozen)
    return [count.kind, *(f'{number:,}' for number in numbers)]
