# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a pass over the training data tells of every entry of a weight."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from enum import Enum
from itertools import count

import torch
from torch import Tensor, nn

from gps_seg.sparse.input_sums import InputSums


class Evidence(Enum):
    """Quantity that is summed over the batches; ``L`` is a batch's loss."""

    GRADIENT = 'dL/dw'
    SQUARED_GRADIENT = '(dL/dw)^2'
    INPUT = '|x| of the input that w multiplies'


class RunningSums(Mapping[str, Tensor]):
    """Evidence of each parameter, summed over the batches so far.

    A sum is added up over all processes when it is asked for: a float32
    tensor of the shape of its parameter, on the CPU. It is that of the
    moment: once the next batch has been seen, the same question has another
    answer.

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
        return total

    def __iter__(self) -> Iterator[str]:
        return iter(self._sums)

    def __len__(self) -> int:
        return len(self._sums)


def running_sums(
    parameters: Mapping[str, nn.Parameter],
    losses: Iterable[Tensor],
    evidence: Evidence = Evidence.GRADIENT,
    reduce: Callable[[Tensor], None] | None = None,
) -> Generator[RunningSums, None, None]:
    """The sums each time the data seen has doubled, and at the end.

    Gradients are summed with their sign, in float32, as in GPS (Zhang et al.,
    CVPR 2024), or as squares of each batch's gradient, as in SPT (He et al.,
    ICCV 2023). Each is moved into its sum as soon as it is ready, so that of
    the dense gradients only one exists at a time, and the sums are kept in
    the memory of the CPU. For the inputs there is no backward pass.

    Args:
        parameters: Weights to look at; each must require grad and hold no
            gradient.
        losses: One scalar loss per batch, built lazily: the next one is asked
            for when all of the last is done.
        evidence: What to sum.
        reduce: Adds up a sum over all processes, in place.

    Raises:
        ValueError: If there is no loss, or one is not finite.
    """
    sums = {
        name: torch.zeros(parameter.shape, dtype=torch.float32)
        for name, parameter in parameters.items()
    }
    with ExitStack() as stack:
        if evidence is Evidence.INPUT:
            done = _forward_each(losses, InputSums(parameters, sums))
        else:
            for name, parameter in parameters.items():
                handle = parameter.register_post_accumulate_grad_hook(
                    _move_into(sums[name], evidence)
                )
                stack.callback(handle.remove)
            done = _backward_each(losses)
        yield from _at_doublings(done, sums, reduce)


def _at_doublings(
    done: Iterable[int],
    sums: Mapping[str, Tensor],
    reduce: Callable[[Tensor], None] | None,
) -> Iterator[RunningSums]:
    num_batches = 0
    for num_batches in done:
        if _is_power_of_two(num_batches):
            yield RunningSums(sums, num_batches, reduce)
    if num_batches == 0:
        raise ValueError(
            'losses: expected at least one batch to score with, got none. '
            'Check that the training set is not empty.'
        )
    if not _is_power_of_two(num_batches):
        yield RunningSums(sums, num_batches, reduce)


def _move_into(total: Tensor, evidence: Evidence) -> Callable[[Tensor], None]:
    def move(parameter: Tensor) -> None:
        assert parameter.grad is not None
        gradient = parameter.grad.to(total)
        if evidence is Evidence.SQUARED_GRADIENT:
            gradient = gradient.square()
        total.add_(gradient)
        parameter.grad = None

    return move


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _backward_each(losses: Iterable[Tensor]) -> Iterator[int]:
    """Backward passes of one loss after another; how many were done."""
    for number, loss in enumerate(losses, start=1):
        _check_finite(loss, number)
        loss.backward()
        yield number


def _forward_each(
    losses: Iterable[Tensor], inputs: InputSums
) -> Iterator[int]:
    """Forward passes alone, watched by ``inputs``; how many were done."""
    iterator = iter(losses)
    for number in count(1):
        with inputs.watching(), torch.no_grad():
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
