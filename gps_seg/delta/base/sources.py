# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tensors by name, in a model or in a state dict."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

#: A model, or the state dict of one.
Source = nn.Module | Mapping[str, Tensor]


def find_tensors(source: Source, names: Iterable[str]) -> dict[str, Tensor]:
    """Find the named parameters and buffers; absent ones are left out.

    In a model each tensor is looked up by its path, so that the time depends
    on the number of names, not on the size of the model. Anything that is not
    a registered parameter or buffer counts as absent.
    """
    if not isinstance(source, nn.Module):
        found = {name: source.get(name) for name in names}
    else:
        found = {name: _registered(source, name) for name in names}
    return {n: t for n, t in found.items() if isinstance(t, Tensor)}


def all_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state dict, without the extra state of modules."""
    return {n: t for n, t in state.items() if isinstance(t, Tensor)}


def _registered(model: nn.Module, name: str) -> Tensor | None:
    *path, attribute = name.split('.')
    module = model
    for part in path:
        # Only these dictionaries contain what is registered; getattr would
        # also find methods, and ``weight.data``.
        child = module._modules.get(part)
        if child is None:
            return None
        module = child
    tensor = module._parameters.get(attribute)
    return module._buffers.get(attribute) if tensor is None else tensor
