# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods at work on small encoders in float64, each trained once."""

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from cases import built
from contract_models import batch, small_model
from torch import Tensor, nn

from gps_seg.additions import is_added
from gps_seg.delta import Delta, DeltaInfo
from gps_seg.delta.baseline import Baseline
from gps_seg.peft import Trainable, tune
from gps_seg.peft.kept_state import KeptState

HEAD = ('decode_head.weight', 'decode_head.bias')
State = dict[str, Tensor]


@dataclass
class Tuned:
    """A model from its base to its delta.

    Args:
        base: The plain model.
        model: The model after four steps; not to be changed.
        trainable: What trains in it.
        reads: Number of batches that were read to select.
        first: Output after the method was attached.
        states: State dicts after 0, 1, ... steps.
        gradients: Gradients of each step, by parameter name.
        kept: State of ``trainable`` after three steps.
        delta: Delta after three steps.
    """

    base: nn.Module
    model: nn.Module
    trainable: Trainable
    reads: int
    first: Tensor
    states: list[State] = field(default_factory=list)
    gradients: list[State] = field(default_factory=list)
    kept: Mapping[str, Any] = field(default_factory=dict)
    delta: Delta | None = None

    @property
    def trained(self) -> State:
        """State dict after three steps with AdamW."""
        return self.states[3]

    def after_three(self) -> nn.Module:
        """A new model with the weights after three steps."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.trained)
        return model


def output(model: nn.Module) -> Tensor:
    """Logits of an evaluation."""
    was_training = model.training
    with torch.no_grad():
        logits = model.eval()(batch()[0])
    model.train(was_training)
    return logits


def state_of(model: nn.Module) -> State:
    """A copy of the state dict."""
    return {n: t.detach().clone() for n, t in model.state_dict().items()}


def backward(model: nn.Module, trainable: Trainable) -> State:
    """Run one backward pass; the gradients of all that trains."""
    torch.manual_seed(0)  # for methods that draw something in training
    images, classes = batch()
    with trainable.compressing():
        loss = model(images, classes, 'loss')['loss']
        penalty = trainable.penalty()
        (loss if penalty is None else loss + penalty).backward()
    return {
        name: parameter.grad.clone()
        for name, parameter in trainable.named_parameters()
        if parameter.grad is not None
    }


def step(
    model: nn.Module, trainable: Trainable, optimizer: torch.optim.Optimizer
) -> State:
    """Take a step; the gradients that it was taken with."""
    gradients = backward(model, trainable)
    optimizer.step()
    optimizer.zero_grad()
    model.zero_grad()
    return gradients


def sgd(trainable: Trainable) -> torch.optim.Optimizer:
    """An optimizer without a state."""
    optimizer = torch.optim.SGD(trainable.parameters(), lr=0.01)
    trainable.attach(optimizer)
    return optimizer


def begin(
    model: nn.Module, trainable: Trainable
) -> tuple[Baseline, torch.optim.Optimizer]:
    """The values before the first step, of which a delta is made, and AdamW.

    The model is put into training mode.
    """
    new = {*HEAD, *filter(is_added, model.state_dict())}
    selection = KeptState.from_dict(trainable.state_dict()).selection
    baseline = Baseline.of(model, selection, trainable.whole, new)
    optimizer = torch.optim.AdamW(
        trainable.parameters(), lr=0.01, weight_decay=0.1
    )
    trainable.attach(optimizer)
    model.train()
    return baseline, optimizer


@functools.cache
def tuned(method: str, encoder: str) -> Tuned:
    """Tune a small encoder by a method: three steps, a delta, a fourth."""
    base = small_model(encoder).double()
    model = copy.deepcopy(base)
    reads = 0

    def loss(seed: int) -> Tensor:
        nonlocal reads
        reads += 1
        return model(*batch(seed), 'loss')['loss']

    losses = [functools.partial(loss, seed) for seed in (1, 2)]
    trainable = tune(model, built(method), losses, seed=0)
    done = Tuned(base, model, trainable, reads, output(model))
    done.states.append(state_of(model))
    baseline, optimizer = begin(model, trainable)
    for _ in range(3):
        done.gradients.append(step(model, trainable, optimizer))
        done.states.append(state_of(model))
    info = DeltaInfo(added=trainable.added.to_json())
    done.delta = baseline.delta(done.trained, info)
    done.kept = copy.deepcopy(trainable.state_dict())
    done.gradients.append(step(model, trainable, sgd(trainable)))
    done.states.append(state_of(model))
    return done
