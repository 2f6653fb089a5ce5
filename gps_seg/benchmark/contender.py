# Copyright (c) gps_seg contributors. Apache-2.0.
"""One training step under a common contract, whatever the method."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

LEARNING_RATE = 1e-4


def nothing() -> None:
    """Do nothing: the default of the callbacks."""


@dataclass(frozen=True)
class Contender:
    """A model under one method, ready to train.

    Args:
        loss: Function that runs the model on the batch.
        trained: Name in the model -> parameter that the optimizer trains.
        passes: Factory of a context for the forward and the backward pass.
        after_backward: Callback after the backward pass.
        after_step: Callback after the step of the optimizer.
    """

    loss: Callable[[], Tensor]
    trained: Mapping[str, nn.Parameter]
    passes: Callable[[], AbstractContextManager[None]] = nullcontext
    after_backward: Callable[[], None] = nothing
    after_step: Callable[[], None] = nothing
    optimizer: Optimizer = field(init=False)

    def __post_init__(self) -> None:
        # Weight decay is off: with dense masks it would change the frozen
        # entries, and the methods would take different steps.
        optimizer = AdamW(
            self.trained.values(),
            lr=LEARNING_RATE,
            weight_decay=0.0,
            fused=True,  # as the optim wrapper of a run does
        )
        object.__setattr__(self, 'optimizer', optimizer)

    def backward(self) -> None:
        """Run the forward and the backward pass; keep the gradients."""
        with self.passes():
            self.loss().backward()
        self.after_backward()

    def update(self) -> None:
        """Step the optimizer and drop the gradients."""
        self.optimizer.step()
        self.after_step()
        self.optimizer.zero_grad()

    def step(self) -> None:
        """Take one training step."""
        self.backward()
        self.update()
