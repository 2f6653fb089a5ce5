# Copyright (c) gps_seg contributors. Apache-2.0.
"""The model of a config without memory for its weights."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn
from torch.overrides import TorchFunctionMode


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
