# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods at work on a GPU: the same steps as in ``tuned.py``, elsewhere."""

import copy
import functools
from dataclasses import dataclass
from typing import Any

import torch
from cases import CASES, built
from contract_models import ENCODERS, batch, small_model
from torch import Tensor, nn
from tuned import begin

from gps_seg.delta import Delta, DeltaInfo
from gps_seg.peft import Trainable, tune

#: Device of the tests in ``tests/test_on_gpu``.
DEVICE = torch.device('cuda')
#: Types of the matrix products; float32 is without autocast.
PRECISIONS = (torch.float32, torch.bfloat16)


def encoder_for(method: str) -> str:
    """The first encoder that a method takes."""
    refused = CASES[method].refuses
    return next(name for name in ENCODERS if name not in refused)


def loss_of(
    model: nn.Module,
    seed: int,
    device: torch.device,
    precision: torch.dtype = torch.float32,
) -> Tensor:
    """Loss of a batch, computed on a device."""
    like = next(model.parameters()).dtype
    images, classes = batch(seed)
    mixed = precision is not torch.float32
    with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
        losses: dict[str, Tensor] = model(
            images.to(device, like), classes.to(device), 'loss'
        )
    return losses['loss']


def output_on(model: nn.Module, device: torch.device) -> Tensor:
    """Logits of an evaluation in the type of the model."""
    like = next(model.parameters()).dtype
    with torch.no_grad():
        logits: Tensor = model.eval()(batch()[0].to(device, like))
    return logits


@dataclass
class OnDevice:
    """A model that was tuned on a device.

    Args:
        base: The plain model.
        model: The model after two steps.
        trainable: Parameters that train in it.
        losses: Loss of each step.
        before: State dict after the method was attached.
        delta: Delta after the steps.
    """

    base: nn.Module
    model: nn.Module
    trainable: Trainable
    losses: list[float]
    before: dict[str, Tensor]
    delta: Delta


@functools.cache
def tuned_on(device: torch.device, method: str, precision: Any) -> OnDevice:
    """Select and take two steps with AdamW, all on one device."""
    base = small_model(encoder_for(method)).to(device)
    model = copy.deepcopy(base)

    def loss(seed: int) -> Tensor:
        return loss_of(model, seed, device, precision)

    batches = [functools.partial(loss, seed) for seed in (1, 2)]
    trainable = tune(model, built(method), batches, seed=0)
    before = copy.deepcopy(model.state_dict())
    baseline, optimizer = begin(model, trainable)
    losses = []
    for seed in (3, 4):
        with trainable.compressing():
            value, penalty = loss(seed), trainable.penalty()
            (value if penalty is None else value + penalty).backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(value.item())
    info = DeltaInfo(added=trainable.added.to_json())
    delta = baseline.delta(model, info)
    return OnDevice(base, model, trainable, losses, before, delta)
