# Copyright (c) gps_seg contributors. Apache-2.0.
"""Importance of every entry of a weight: larger is more important."""

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn


class RunningScores(Mapping[str, Tensor]):
    """``|sum over batches of dL/dW|`` of each parameter, so far.

    Each score is computed when it is asked for, as a float32 tensor of the
    shape of its parameter, on the CPU. It is that of the moment: once the next
    batch has been seen, the same question has another answer.

    Attributes:
        num_batches: How many batches the sums hold.
    """

    def __init__(
        self,
        sums: Mapping[str, Tensor],
        num_batches: int,
        reduce: Callable[[Tensor], None] | None,
    ) -> None:
        self._sums = sums
        self.num_batches = num_batches
        self._reduce = reduce

    def __getitem__(self, name: str) -> Tensor:
        total = self._sums[name].clone()
        if self._reduce is not None:
            self._reduce(total)
        return total.abs_()

    def __iter__(self) -> Iterator[str]:
        return iter(self._sums)

    def __len__(self) -> int:
        return len(self._sums)


def running_scores(
    parameters: Mapping[str, nn.Parameter],
    losses: Iterable[Tensor],
    reduce: Callable[[Tensor], None] | None = None,
) -> Generator[RunningScores, None, None]:
    """The scores of GPS, each time the data seen has doubled, and at the end.

    The score of GPS (Zhang et al., CVPR 2024): the signed gradients of the
    batches' losses are summed, here in float32, and the absolute value comes
    last. Each gradient is moved into its sum as soon as it is ready, so that
    of the dense gradients only one exists at a time, and the sums are kept in
    the memory of the CPU.

    Args:
        parameters: Weights to score; each must require grad and hold no
            gradient.
        losses: One scalar loss per batch, built lazily: the next one is asked
            for when the backward pass of the last is over.
        reduce: Adds up a sum over all processes, in place.

    Raises:
        ValueError: If there is no loss, or one is not finite.
    """
    sums = {
        name: torch.zeros(parameter.shape, dtype=torch.float32)
        for name, parameter in parameters.items()
    }
    handles = [
        parameter.register_post_accumulate_grad_hook(_move_into(sums[name]))
        for name, parameter in parameters.items()
    ]
    num_batches = 0
    try:
        for num_batches in _backward_each(losses):
            if _is_power_of_two(num_batches):
                yield RunningScores(sums, num_batches, reduce)
        if not _is_power_of_two(num_batches):
            yield RunningScores(sums, num_batches, reduce)
    finally:
        for handle in handles:
            handle.remove()


def gradient_scores(
    parameters: Mapping[str, nn.Parameter], losses: Iterable[Tensor]
) -> dict[str, Tensor]:
    """The scores of GPS over all of the losses, see :func:`running_scores`."""
    for scores in running_scores(parameters, losses):
        last = scores
    return dict(last)


def _move_into(total: Tensor) -> Callable[[Tensor], None]:
    def move(parameter: Tensor) -> None:
        assert parameter.grad is not None
        total.add_(parameter.grad.to(total))
        parameter.grad = None

    return move


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _backward_each(losses: Iterable[Tensor]) -> Iterator[int]:
    """Backward passes of one loss after another; how many were done."""
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
        yield num_batches
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
        scores[name] = 1 - uniform
    return scores
