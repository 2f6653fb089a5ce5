# Copyright (c) gps_seg contributors. Apache-2.0.
"""Run the passes of one loss after another."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import count

import torch
from torch import Tensor

from gps_seg.sparse.scoring.forward_sums import ForwardSums


def backward_each(
    losses: Iterable[Tensor], watched: ForwardSums | None
) -> Iterator[int]:
    """Run the backward pass of each loss; yield the number of losses.

    Args:
        losses: Losses, each computed when it is requested.
        watched: Sums that watch both passes, or None.

    Raises:
        ValueError: If a loss is not finite.
    """
    iterator = iter(losses)
    for number in count(1):
        # Checkpoints run a part of the forward pass in the backward pass.
        with nullcontext() if watched is None else watched.watching():
            loss = next(iterator, None)
            if loss is not None:
                _check_finite(loss, number)
                loss.backward()
        if loss is None:
            return
        yield number


def forward_each(
    losses: Iterable[Tensor], watched: ForwardSums
) -> Iterator[int]:
    """Run only the forward passes; yield the number of losses.

    Args:
        losses: Losses, each computed when it is requested.
        watched: Sums that watch the forward passes.

    Raises:
        ValueError: If a loss is not finite.
    """
    iterator = iter(losses)
    for number in count(1):
        with watched.watching(), torch.no_grad():
            loss = next(iterator, None)
        if loss is None:
            return
        _check_finite(loss, number)
        yield number


def _check_finite(loss: Tensor, number: int) -> None:
    if not bool(loss.detach().isfinite()):
        raise ValueError(
            f'loss: expected a finite value, got {loss.item()} while '
            f'scoring (batch {number}). Check the images and labels of this '
            'batch, and that the pretrained weights were loaded.'
        )
