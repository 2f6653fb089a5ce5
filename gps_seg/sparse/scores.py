# Copyright (c) gps_seg contributors. Apache-2.0.
"""Importance of every entry of a weight: larger is more important."""

import zlib
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn


def gradient_scores(
    parameters: Mapping[str, nn.Parameter],
    losses: Iterable[Tensor],
    reduce: Callable[[Tensor], None] | None = None,
) -> dict[str, Tensor]:
    """``|sum over batches of dL/dW|`` of every parameter.

    The score of GPS (Zhang et al., CVPR 2024): the signed gradients of the
    batches' losses are summed, here in float32, and the absolute value comes
    last. Each gradient is moved into its sum as soon as it is ready, so that
    of the dense gradients only one exists at a time.

    Args:
        parameters: Weights to score; each must require grad and hold no
            gradient.
        losses: One scalar loss per batch, built lazily: the next one is asked
            for when the backward pass of the last is over.
        reduce: Adds up a sum over all processes, in place.

    Returns:
        One float32 tensor per parameter, of its shape and on its device.

    Raises:
        ValueError: If there is no loss, or one is not finite.
    """
    sums = {
        name: torch.zeros_like(parameter, dtype=torch.float32)
        for name, parameter in parameters.items()
    }
    handles = [
        parameter.register_post_accumulate_grad_hook(_move_into(sums[name]))
        for name, parameter in parameters.items()
    ]
    try:
        _backward_all(losses)
    finally:
        for handle in handles:
            handle.remove()
    for total in sums.values():
        if reduce is not None:
            reduce(total)
        total.abs_()
    return sums


def _move_into(total: Tensor) -> Callable[[Tensor], None]:
    def move(parameter: Tensor) -> None:
        assert parameter.grad is not None
        total.add_(parameter.grad)
        parameter.grad = None

    return move


def _backward_all(losses: Iterable[Tensor]) -> None:
    num_batches = 0
    for loss in losses:
        num_batches += 1
        if not bool(loss.detach().isfinite()):
            raise ValueError(
                f'loss: expected a finite value, got {loss.item()} while '
                f'scoring (batch {num_batches}). Check the images and labels '
                'of this batch, and that the pretrained weights were loaded.'
            )
        loss.backward()
    if num_batches == 0:
        raise ValueError(
            'losses: expected at least one batch to score with, got none. '
            'Check that the training set is not empty.'
        )


def random_scores(
    parameters: Mapping[str, nn.Parameter],
    seed: int,
) -> dict[str, Tensor]:
    """Scores uniform in (0, 1]: chance, the control of every criterion.

    Each parameter draws from a generator of its own, seeded by ``seed`` and
    its name, so that its scores do not depend on the other parameters.
    """
    scores = {}
    for name, parameter in parameters.items():
        # The CPU's generator keeps 32 bits of a seed, so hash both into 32.
        generator = torch.Generator().manual_seed(
            zlib.crc32(f'{seed} {name}'.encode())
        )
        uniform = torch.rand(parameter.shape, generator=generator)
        scores[name] = (1 - uniform).to(parameter.device)
    return scores
