# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tensors by name, in a model or in a state dict."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

#: What has weights: a model, or the state dict of one.
Source = nn.Module | Mapping[str, Tensor]


def find_tensors(source: Source, names: Iterable[str]) -> dict[str, Tensor]:
    """Those of the named parameters and buffers that there are.

    In a model each is looked up by its path: the time goes with the names
    asked for, not with the size of the model. A name that leads to anything
    but a registered parameter or buffer finds nothing.
    """
    if not isinstance(source, nn.Module):
        found = {name: source.get(name) for name in names}
    else:
        found = {name: _registered(source, name) for name in names}
    return {n: t for n, t in found.items() if isinstance(t, Tensor)}


def all_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state dict, without what modules add to it."""
    return {n: t for n, t in state.items() if isinstance(t, Tensor)}


def _registered(model: nn.Module, name: str) -> Tensor | None:
    *path, attribute = name.split('.')
    module = model
    for part in path:
        # The dictionaries of a module know what is registered; getattr would
        # also find methods, and ``weight.data``.
        child = module._modules.get(part)
        if child is None:
            return None
        module = child
    tensor = module._parameters.get(attribute)
    return module._buffers.get(attribute) if tensor is None else tensor
