# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build a layer of the library that stands alone."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gps_seg.additions.peft_library.base_map import BaseMap
from gps_seg.additions.peft_library.configuration import (
    TARGET,
    configuration,
)
from gps_seg.additions.peft_library.importing import peft_library


def wrapped(
    peft_type: str,
    settings: Mapping[str, Any],
    weight: Tensor,  # shape: (out, in)
) -> nn.Module:
    """A layer of the library around a plain layer with a copy of a weight.

    The library does not run its methods on the ``meta`` device, so the
    tensors are on the CPU.

    Args:
        peft_type: Name of the tuner in the library, in lower case.
        settings: Fields of its configuration.
        weight: Weight from which some tuners take their initial values.

    Raises:
        ImportError: If the library is not installed.
        ValueError: If the tuner cannot be built with these settings.
    """
    library = peft_library()
    config = configuration(peft_type, settings)
    out, width = weight.shape
    with torch.device('cpu'):
        plain = nn.Linear(width, out, dtype=weight.dtype)
        with torch.no_grad():
            plain.weight.copy_(weight)
            plain.bias.zero_()
        holder = nn.ModuleDict({TARGET: plain})
        try:
            library.inject_adapter_in_model(config, holder)
        except (TypeError, ValueError, RuntimeError, ImportError) as error:
            raise ValueError(f'peft, {peft_type}: {error}') from None
    return holder[TARGET]


def standing_alone(layer: nn.Module) -> nn.Module:
    """A layer of the library without the tensors of what it wraps.

    Args:
        layer: Result of :func:`wrapped`; it is changed.

    Returns:
        The layer. Its ``base_layer`` is a :class:`BaseMap`, its parameters
        are those that train, and its buffers are all other tensors.
    """
    plain = layer.base_layer
    assert isinstance(plain, nn.Linear)
    layer.base_layer = BaseMap((plain.out_features, plain.in_features))
    for module in layer.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if not parameter.requires_grad:
                delattr(module, name)
                module.register_buffer(name, parameter.detach())
    return layer
