# Copyright (c) gps_seg contributors. Apache-2.0.
"""Try whether a tuner of the library fits into our files.

A file holds the plan and the state dict of what was added. So a tuner must
not change the weight that it wraps, and what it keeps outside of its state
dict must depend on its settings alone, neither on chance nor on the weight.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gps_seg.additions.peft_library.tuner_layers import (
    standing_alone,
    wrapped,
)
from gps_seg.sparse.state import fork_rng, seed_cpu


def check_stands_alone(
    peft_type: str, settings: Mapping[str, Any], shape: tuple[int, int]
) -> None:
    """Raise ValueError if a tuner cannot be used at a linear map.

    Random generators keep their state.

    Args:
        peft_type: Name of the tuner in the library, in lower case.
        settings: Fields of its configuration.
        shape: Numbers of outputs and inputs of the map.
    """
    outside = []
    with fork_rng(), torch.device('cpu'), torch.enable_grad():
        for seed in range(2):
            seed_cpu(seed)
            weight = torch.randn(shape)
            layer = wrapped(peft_type, settings, weight)
            _check_weight(peft_type, layer, weight)
            _check_runs(peft_type, layer, shape[1])
            outside.append(list(_outside_of_the_state(standing_alone(layer))))
    first, second = outside
    alike = len(first) == len(second) and all(map(torch.equal, first, second))
    if not alike:
        raise ValueError(
            f'peft, {peft_type}: expected a tuner whose state dict holds all '
            'that depends on chance or on the weight, got one that keeps more '
            'beside it, so a file could not restore it. If it has a setting '
            'for a seed, such as random_seed, give one.'
        )


def _check_weight(peft_type: str, layer: nn.Module, weight: Tensor) -> None:
    plain = layer.base_layer
    assert isinstance(plain, nn.Linear)
    if not torch.equal(plain.weight, weight):
        raise ValueError(
            f'peft, {peft_type}: expected initial values that leave the '
            'weight as it is, got some that change it. The encoder is frozen, '
            'and a file is applied to the plain one; choose others, such as '
            'init_lora_weights=True.'
        )


def _check_runs(peft_type: str, layer: nn.Module, width: int) -> None:
    try:
        layer(torch.randn(2, 3, width)).sum().backward()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f'peft, {peft_type}: expected a tuner that runs at a linear map, '
            f'got an error: {error}'
        ) from None


def _outside_of_the_state(layer: nn.Module) -> Iterator[Tensor]:
    """The tensors of a layer that its state dict does not hold."""
    for module in layer.modules():
        members = dict(vars(module))
        for registered in ('_parameters', '_buffers', '_modules'):
            members.pop(registered)
        for name in sorted(module._non_persistent_buffers_set):
            members[name] = module._buffers[name]
        yield from _tensors_in(members)


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, np.ndarray):
        yield torch.from_numpy(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors_in(part)
