# Copyright (c) gps_seg contributors. Apache-2.0.
"""Count the values that GPS would train in the model of a config.

The counts follow from shapes alone. The model is built without memory for its
weights, and neither data nor weights are needed.
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
    """

    encoder: str
    kinds: tuple[Count, ...]
    head: Count

    @property
    def total(self) -> Count:
        """The whole encoder."""
        return _sum('encoder', self.kinds)

    @property
    def model(self) -> Count:
        """The whole model, encoder and head."""
        return _sum('model', [self.total, self.head])

    @property
    def trained(self) -> dict[str, int]:
        """Values that train: connections, biases, head, and any others."""
        biases = sum(row.whole for row in self.kinds if _is_bias(row.kind))
        parts = {
            'connections': self.total.selected,
            'biases': biases,
            'head': self.head.trained,
        }
        other = self.total.whole - biases
        return {**parts, 'other': other} if other else parts


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
        _sum('head', outside),
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


class _WithoutMemory(TorchFunctionMode):
    """A context in which layers are built with shapes but without values.

    ``torch.device('meta')`` would also affect the few numbers with which
    constructors compute, such as rates of stochastic depth.
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
    """Build the config's model without values, as far as possible.

    Args:
        config: Config with a model; it is not changed.
    """
    init_default_scope(config.get('default_scope') or 'mmseg')
    with _WithoutMemory():
        return MODELS.build(copy.deepcopy(config.model))


def format_count(count: ModelCount) -> str:
    """Format counts as two tables and a note on the shares.

    The first table has the kinds of parameters, the second what trains.

    Args:
        count: Counts of a model.
    """
    model = count.model
    return '\n'.join(
        [
            _table_of_kinds(count),
            '',
            _table_of_parts(count),
            '',
            f'Shares are of all {model.entries:,} values of the model. '
            'In the encoder alone',
            f'({count.encoder}) {_percent(count.total.share, 3)} trains.',
        ]
    )


def _table_of_kinds(count: ModelCount) -> str:
    head = ('kind', 'tensors', 'values', 'trained', 'frozen')
    rows = [*count.kinds, count.total, count.head, count.model]
    return aligned(
        [
            head,
            *(
                [
                    row.kind,
                    *map(_number, (row.tensors, row.entries)),
                    *map(_number, (row.trained, row.frozen)),
                ]
                for row in rows
            ),
        ]
    )


def _table_of_parts(count: ModelCount) -> str:
    entries = count.model.entries
    parts = {**count.trained, 'together': count.model.trained}
    return aligned(
        [
            ('trained', 'values', 'share'),
            *(
                (name, _number(part), _percent(part / entries, 2))
                for name, part in parts.items()
            ),
        ]
    )


def markdown_table(counts: Sequence[tuple[str, ModelCount]]) -> str:
    """A table of encoders, with a line for each model.

    Args:
        counts: Name and counts of each model.
    """
    head = (
        'config',
        'encoder',
        'values of the encoder',
        'connections',
        'biases and other',
        'share of the encoder',
    )
    rows = [
        (
            code(name),
            count.encoder,
            count.total.entries,
            count.total.selected,
            count.total.whole,
            _percent(count.total.share, 3),
        )
        for name, count in counts
    ]
    return table([head, *rows])


def _number(value: int) -> str:
    return f'{value:,}'


def _percent(share: float, digits: int) -> str:
    return f'{100 * share:.{digits}f} %'


def _is_bias(kind: str) -> bool:
    """Whether a kind is one of biases: ``Linear.bias``, ``in_proj_bias``."""
    return kind.partition(' ')[0].endswith('bias')


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
