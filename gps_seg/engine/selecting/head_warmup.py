# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train a few steps before gradients are computed.

What is new is trained, that is, the head and what a method has attached for
the choice, or all that trains whole.
"""

import logging
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from mmengine.logging import print_log
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from gps_seg.additions import added_names, beside
from gps_seg.engine.gradient_average import average_gradients
from gps_seg.engine.selecting.losses import LossTap
from gps_seg.engine.selecting.pass_precision import pass_autocast
from gps_seg.text.announcement import Announcement


@contextmanager
def warmed_up(
    model: nn.Module,
    encoder: str,
    steps: int,
    batches: Iterable[Any],
    optimizer: Optimizer,
    scored: Collection[nn.Parameter] = frozenset(),
    whole: Collection[str] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Iterator[None]:
    """A context in which what is new has been trained for a number of steps.

    AdamW without decay trains it, at the learning rates that ``optimizer``
    has for the same parameters, or for those beside which they were added. On
    exit the parameters are restored bit for bit; the caller restores buffers
    and ``requires_grad``.

    Args:
        model: MMEngine model, not wrapped for distribution.
        encoder: Name of the submodule that is left unchanged, save for what
            was added to it and for ``whole``.
        steps: Number of steps, 0 or more; 0 trains nothing.
        batches: Training data, repeated if necessary.
        optimizer: Optimizer of the run; not changed.
        scored: Set of parameters that are left unchanged, too.
        whole: Names of parameters of the encoder that are trained, too. The
            rates then fall along a cosine, and the steps run under autocast
            to ``dtype``. None for none, constant rates and float32.
        dtype: Type of that autocast; float32 for none.

    Raises:
        ValueError: If there are steps to take and no batch.
    """
    trained = added_names(model) | set(whole or ())
    # In the order of the model, which is the same in every process.
    new = [
        parameter
        for name, parameter in model.named_parameters()
        if name in trained or not name.startswith(f'{encoder}.')
        if parameter.requires_grad and parameter not in scored
    ]
    before = {parameter: parameter.detach().clone() for parameter in new}
    try:
        if steps:
            warmup = _optimizer(model, new, optimizer)
            if whole is None:
                _train(model, warmup, steps, batches, torch.float32)
            else:
                cosine = CosineAnnealingLR(warmup, T_max=steps)
                _train(model, warmup, steps, batches, dtype, cosine)
        yield
    finally:
        with torch.no_grad():
            for parameter, value in before.items():
                parameter.copy_(value)


def _optimizer(
    model: nn.Module, new: Sequence[nn.Parameter], optimizer: Optimizer
) -> Optimizer:
    """The optimizer of the warm-up; nothing else requires grad then."""
    model.requires_grad_(False)
    for parameter in new:
        parameter.requires_grad_(True)
    groups = _groups(new, optimizer, beside(model))
    return torch.optim.AdamW(groups, weight_decay=0)


def _train(
    model: nn.Module,
    warmup: Optimizer,
    steps: int,
    batches: Iterable[Any],
    dtype: torch.dtype,
    schedule: LRScheduler | None = None,
) -> None:
    # In the order of the model, which is the same in every process.
    new = [p for p in model.parameters() if p.requires_grad]
    for batch in islice(_again_and_again(batches), steps):
        tap = LossTap()
        with pass_autocast(model, dtype):
            model.train_step(batch, tap)
        tap.loss.backward()
        average_gradients(new)
        warmup.step()
        warmup.zero_grad()
        if schedule is not None:
            schedule.step()
    what = 'is new' if schedule is None else 'trains whole'
    loss = tap.loss.item()
    print_log(
        Announcement(f'Warmed up what {what}: {steps} steps, loss {loss:.4f}'),
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
    new: Sequence[nn.Parameter],
    optimizer: Optimizer,
    beside: Mapping[nn.Parameter, nn.Parameter],
) -> list[dict[str, Any]]:
    """Parameter groups with the run's learning rates before any schedule."""
    groups = []
    for group in optimizer.param_groups:
        old = set(group['params'])
        members = [p for p in new if beside.get(p, p) in old]
        rate = float(group.get('initial_lr', group['lr']))
        groups.append({'params': members, 'lr': rate})
    return [group for group in groups if group['params']]
