# Copyright (c) gps_seg contributors. Apache-2.0.
"""Sums of the evidence for each entry over the training data."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count

import torch
from torch import Tensor, nn

from gps_seg.sparse.scoring.evidence import Evidence
from gps_seg.sparse.scoring.forward_sums import ForwardSums
from gps_seg.sparse.scoring.input_sums import InputSums
from gps_seg.sparse.scoring.output_sums import OutputSums

#: Evidence that is gathered in forward passes.
_FORWARD: Mapping[Evidence, type[ForwardSums]] = {
    Evidence.INPUT: InputSums,
    Evidence.OUTPUT: OutputSums,
}


class RunningSums(Mapping[str, Tensor]):
    """Evidence for each parameter, summed over the batches so far.

    Each sum is a float32 tensor of the shape of its parameter; a sum of
    outputs has one value for each row. It is already summed over all
    processes, so access needs no communication. The tensors may be updated
    in place when the pass continues.

    Attributes:
        num_batches: Number of batches of each process in the sums.

    Args:
        sums: Sum for each parameter, by name.
        num_batches: Number of batches of each process in the sums.

    Example:
        >>> sums = RunningSums({'fc.weight': torch.ones(2, 3)}, num_batches=4)
        >>> sums
        RunningSums(1 weights, 4 batches)
    """

    def __init__(self, sums: Mapping[str, Tensor], num_batches: int) -> None:
        self._sums = sums
        self.num_batches = num_batches

    def __repr__(self) -> str:
        return f'RunningSums({len(self)} weights, {self.num_batches} batches)'

    def __getitem__(self, name: str) -> Tensor:
        return self._sums[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sums)

    def __len__(self) -> int:
        return len(self._sums)


def running_sums(
    parameters: Mapping[str, nn.Parameter],
    losses: Iterable[Tensor],
    evidence: Evidence = Evidence.GRADIENT,
    *,
    doublings: bool = False,
    reduce: Callable[[Tensor], None] | None = None,
    device: torch.device | str = 'cpu',
) -> Generator[RunningSums, None, None]:
    """Yield the sums after the last batch, or each time their number doubles.

    Gradients are summed with their sign, in float32, as in GPS (Zhang et al.,
    CVPR 2024), or as squares of each batch's gradient, as in SPT (He et al.,
    ICCV 2023), or as their absolute values, as in E2VPT (Han et al., ICCV
    2023). Each gradient is moved into its sum as soon as it is ready, so that
    only one dense gradient exists at a time. Sums of inputs and of outputs
    need no backward pass.

    Args:
        parameters: Weights by name; each must require grad and have no
            gradient.
        losses: Scalar losses, one per batch, computed lazily: the next one is
            requested when the last is done.
        evidence: Quantity to sum.
        doublings: Whether to yield after 1, 2, 4, 8, ... batches, too.
        reduce: Function that sums a tensor over all processes, in place. It
            is called for each sum before a yield, so all processes must
            iterate equally far.
        device: Device on which the sums are kept.

    Raises:
        RuntimeError: If selected entries of a parameter are being trained.
        ValueError: If there is no loss, or a loss is not finite.

    Warns:
        UserWarning: If ``evidence`` is ``INPUT`` and a parameter had no input.

    Example:
        >>> layer = nn.Linear(2, 1, bias=False)
        >>> batches = torch.tensor([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
        >>> losses = (layer(batch).sum() for batch in batches)
        >>> parameters = {'weight': layer.weight}
        >>> for sums in running_sums(parameters, losses, doublings=True):
        ...     print(sums.num_batches, sums['weight'].tolist())
        1 [[1.0, 2.0]]
        2 [[11.0, 22.0]]
        3 [[111.0, 222.0]]
    """
    sums = {
        name: torch.zeros(
            evidence.sum_shape(parameter), dtype=torch.float32, device=device
        )
        for name, parameter in parameters.items()
    }
    with ExitStack() as stack:
        if evidence in _FORWARD:
            watched = _FORWARD[evidence](parameters, sums)
            stack.push(_unless_it_failed(watched.warn_of_unmet))
            done = _forward_each(losses, watched)
        else:
            for name, parameter in parameters.items():
                handle = parameter.register_post_accumulate_grad_hook(
                    _move_into(sums[name], evidence)
                )
                stack.callback(handle.remove)
            done = _backward_each(losses)
        yield from _reports(done, sums, doublings, reduce)


def _reports(
    done: Iterable[int],
    sums: Mapping[str, Tensor],
    doublings: bool,
    reduce: Callable[[Tensor], None] | None,
) -> Iterator[RunningSums]:
    """Yield the sums over all processes at the end, and when doubled."""
    num_batches, is_told = 0, False
    for num_batches in done:
        is_told = doublings and _is_power_of_two(num_batches)
        if is_told:
            yield RunningSums(_reduced_copy(sums, reduce), num_batches)
    if num_batches == 0:
        raise ValueError(
            'losses: expected at least one batch for scoring, got none. '
            'Check that the training set is not empty.'
        )
    if not is_told:
        for total in sums.values():
            if reduce is not None:
                reduce(total)
        yield RunningSums(sums, num_batches)


def _reduced_copy(
    sums: Mapping[str, Tensor], reduce: Callable[[Tensor], None] | None
) -> Mapping[str, Tensor]:
    """The sums over all processes; those of this process stay as they are."""
    if reduce is None:
        return sums
    totals = {name: own.clone() for name, own in sums.items()}
    for total in totals.values():
        reduce(total)
    return totals


def _move_into(total: Tensor, evidence: Evidence) -> Callable[[Tensor], None]:
    def move(parameter: Tensor) -> None:
        if parameter.grad is None:
            raise RuntimeError(
                'parameters: expected weights that are not tuned, got a tuned '
                f'weight of shape {tuple(parameter.shape)}. Call '
                'gps_seg.peft.release(model) first.'
            )
        gradient = parameter.grad.to(total)
        if evidence is Evidence.SQUARED_GRADIENT:
            gradient = gradient.square()
        elif evidence is Evidence.ABSOLUTE_GRADIENT:
            gradient = gradient.abs()
        total.add_(gradient)
        parameter.grad = None

    return move


def _unless_it_failed(
    callback: Callable[[], None],
) -> Callable[[type[BaseException] | None, object, object], None]:
    """Make an exit callback that does nothing if the pass failed."""

    def leave(kind: type[BaseException] | None, _: object, __: object) -> None:
        if kind is None or issubclass(kind, GeneratorExit):
            callback()

    return leave


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _backward_each(losses: Iterable[Tensor]) -> Iterator[int]:
    """Run the backward pass of each loss; yield the number of losses."""
    for number, loss in enumerate(losses, start=1):
        _check_finite(loss, number)
        loss.backward()
        yield number


def _forward_each(
    losses: Iterable[Tensor], watched: ForwardSums
) -> Iterator[int]:
    """Run only the forward passes; yield the number of losses."""
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
