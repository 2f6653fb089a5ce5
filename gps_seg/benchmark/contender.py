# Copyright (c) gps_seg contributors. Apache-2.0.
"""One training step under a common contract, whatever the method."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

LEARNING_RATE = 1e-4


def nothing() -> None:
    """What a method without a detour does at its turn."""


@dataclass(frozen=True)
class Contender:
    """A model under one method, ready to train.

    Args:
        loss: Runs the model on the batch.
        trained: What the optimizer is given, by the name in the model.
        passes: Surrounds the forward and the backward pass.
        after_backward: Called when the gradients are there.
        after_step: Called when the optimizer has stepped.
    """

    loss: Callable[[], Tensor]
    trained: Mapping[str, nn.Parameter]
    passes: Callable[[], AbstractContextManager[None]] = nullcontext
    after_backward: Callable[[], None] = nothing
    after_step: Callable[[], None] = nothing
    optimizer: Optimizer = field(init=False)

    def __post_init__(self) -> None:
        # Weight decay is off: under dense masks it would move the frozen
        # entries, and the methods would no longer take the same step.
        optimizer = AdamW(
            self.trained.values(), lr=LEARNING_RATE, weight_decay=0.0
        )
        object.__setattr__(self, 'optimizer', optimizer)

    def backward(self) -> None:
        """Forward and backward pass; the gradients stay."""
        with self.passes():
            self.loss().backward()
        self.after_backward()

    def update(self) -> None:
        """Step the optimizer and drop the gradients."""
        self.optimizer.step()
        self.after_step()
        self.optimizer.zero_grad()

    def step(self) -> None:
        """One training step."""
        self.backward()
        self.update()
