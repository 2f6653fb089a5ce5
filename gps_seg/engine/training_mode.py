# Copyright (c) gps_seg contributors. Apache-2.0.
"""Inspect a model in its training mode."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_training_mode(model: nn.Module) -> Iterator[None]:
    """Put the model into training mode; restore all flags at the end.

    Many backbones (Swin, MobileNet, VGG, ...) freeze the stages that a config
    names only in ``train()``. Before its first call, ``requires_grad`` does
    not show that they are frozen.
    """
    modes = {module: module.training for module in model.modules()}
    flags = {p: p.requires_grad for p in model.parameters()}
    try:
        model.train()
        yield
    finally:
        if not modes[model]:
            model.eval()  # some, like LeViT, compute tensors here
        for module, training in modes.items():
            module.training = training
        for parameter, requires_grad in flags.items():
            parameter.requires_grad_(requires_grad)
