# Copyright (c) gps_seg contributors. Apache-2.0.
"""Look at a model as it is while it trains."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_training_mode(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in training mode; flags are restored at the end.

    Many backbones (Swin, MobileNet, VGG, ...) freeze the stages that a config
    names in ``train()`` and nowhere else, so that before the first call
    ``requires_grad`` says nothing of them.
    """
    modes = {module: module.training for module in model.modules()}
    flags = {p: p.requires_grad for p in model.parameters()}
    try:
        model.train()
        yield
    finally:
        if not modes[model]:
            model.eval()  # some compute what they need there, as LeViT does
        for module, training in modes.items():
            module.training = training
        for parameter, requires_grad in flags.items():
            parameter.requires_grad_(requires_grad)
