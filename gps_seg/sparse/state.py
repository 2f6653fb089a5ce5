# Copyright (c) gps_seg contributors. Apache-2.0.
"""Restore the state of a model and of the random generators."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Restore everything except the parameters' values on exit.

    This covers training flags, ``requires_grad``, gradients and buffers of the
    model (such as BatchNorm statistics, even if a forward pass replaces the
    tensor), and the states of Python's, NumPy's and torch's random generators.
    They are also restored after an exception.
    """
    training = {module: module.training for module in model.modules()}
    gradients = {p: (p.requires_grad, p.grad) for p in model.parameters()}
    buffers = {module: dict(module._buffers) for module in model.modules()}
    values = {b: b.detach().clone() for b in model.buffers()}
    # Listed explicitly, because PyTorch warns about many devices otherwise.
    devices = range(torch.cuda.device_count())
    with fork_rng(), torch.random.fork_rng(devices):
        try:
            for parameter in gradients:
                parameter.grad = None
            yield
        finally:
            for module, flag in training.items():
                module.training = flag
            for parameter, (requires_grad, grad) in gradients.items():
                parameter.requires_grad_(requires_grad)
                parameter.grad = grad
            with torch.no_grad():
                for buffer, value in values.items():
                    buffer.copy_(value)
            for module, owned in buffers.items():
                module._buffers.clear()
                module._buffers.update(owned)


@contextmanager
def fork_rng() -> Iterator[None]:
    """Restore Python's, NumPy's and torch's CPU generators on exit.

    No other device is used, so this is safe in a worker of a data loader.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def seed_all(seed: int) -> None:
    """Seed Python's, NumPy's and torch's generators (on all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def seed_cpu(seed: int) -> None:
    """Seed Python's, NumPy's and torch's CPU generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
