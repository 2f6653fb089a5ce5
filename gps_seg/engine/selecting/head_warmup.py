# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train a new head for a few steps before the encoder is scored through it."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from mmengine.logging import print_log
from torch import nn
from torch.optim import Optimizer

from gps_seg.engine.gradient_average import average_gradients
from gps_seg.engine.selecting.losses import LossTap
from gps_seg.text.announcement import Announcement


@contextmanager
def warmed_up(
    model: nn.Module,
    encoder: str,
    steps: int,
    batches: Iterable[Any],
    optimizer: Optimizer,
) -> Iterator[None]:
    """A context in which the head has been trained for a number of steps.

    AdamW without decay trains it, at the learning rates that ``optimizer``
    has for the same parameters. On exit the parameters are restored bit for
    bit; the caller restores buffers and ``requires_grad``.

    Args:
        model: MMEngine model, not wrapped for distribution.
        encoder: Name of the submodule that is left unchanged.
        steps: Number of steps, 0 or more; 0 trains nothing.
        batches: Training data, repeated if necessary.
        optimizer: Optimizer of the run; not changed.

    Raises:
        ValueError: If there are steps to take and no batch.
    """
    # In the order of the model, which is the same in every process.
    head = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and not name.startswith(f'{encoder}.')
    ]
    before = {parameter: parameter.detach().clone() for parameter in head}
    try:
        if steps:
            _train(model, head, steps, batches, optimizer)
        yield
    finally:
        with torch.no_grad():
            for parameter, value in before.items():
                parameter.copy_(value)


def _train(
    model: nn.Module,
    head: Sequence[nn.Parameter],
    steps: int,
    batches: Iterable[Any],
    optimizer: Optimizer,
) -> None:
    model.requires_grad_(False)
    for parameter in head:
        parameter.requires_grad_(True)
    warmup = torch.optim.AdamW(_groups(head, optimizer), weight_decay=0)
    for batch in islice(_again_and_again(batches), steps):
        tap = LossTap()
        model.train_step(batch, tap)
        tap.loss.backward()
        average_gradients(head)
        warmup.step()
        warmup.zero_grad()
    print_log(
        Announcement(
            f'Warmed up the head: {steps} steps, loss {tap.loss.item():.4f}'
        ),
        logger='current',
        level=logging.INFO,
    )


def _again_and_again(batches: Iterable[Any]) -> Iterator[Any]:
    """Repeat the batches for ever; raise ValueError if there is none."""
    while True:
        batch = None
        for batch in batches:
            yield batch
        if batch is None:
            raise ValueError(
                'train_dataloader: expected at least one batch to warm up the '
                'head (loss.warmup of the PeftHook), got none. Check that the '
                'training set is not empty.'
            )


def _groups(
    head: Sequence[nn.Parameter], optimizer: Optimizer
) -> list[dict[str, Any]]:
    """Parameter groups with the run's learning rates before any schedule."""
    inside = set(head)
    return [
        {
            'params': members,
            'lr': float(group.get('initial_lr', group['lr'])),
        }
        for group in optimizer.param_groups
        if (members := [p for p in group['params'] if p in inside])
    ]
