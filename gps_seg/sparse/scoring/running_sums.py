# Copyright (c) gps_seg contributors. Apache-2.0.
"""Sums of the evidence for each entry over the training data."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from gps_seg.sparse.scoring.each_loss import backward_each, forward_each
from gps_seg.sparse.scoring.evidence import Evidence
from gps_seg.sparse.scoring.forward_sums import ForwardSums
from gps_seg.sparse.scoring.input_sums import InputSums
from gps_seg.sparse.scoring.moment_sums import MomentSums
from gps_seg.sparse.scoring.moments import gradient_in
from gps_seg.sparse.scoring.output_sums import OutputSums

#: Evidence that is gathered in forward passes.
_FORWARD: Mapping[Evidence, type[ForwardSums]] = {
    Evidence.INPUT: InputSums,
    Evidence.OUTPUT: OutputSums,
}


class RunningSums(Mapping[str, Tensor]):
    """Evidence for each parameter, summed over the batches so far.

    Each sum is a float32 tensor of the shape of its parameter, or of
    :meth:`Evidence.sum_shape`. It is already summed over all
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
    2023). With ``GRADIENT_AND_INPUTS`` the forward passes are watched, too.
    Each gradient is moved into its sum as soon as it is ready, so that
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
        UserWarning: If ``evidence`` has inputs and a parameter had none.

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
    watched: ForwardSums | None = None
    with ExitStack() as stack:
        if evidence in _FORWARD:
            watched = _FORWARD[evidence](parameters, sums)
            stack.push(_unless_it_failed(watched.warn_of_unmet))
            done = forward_each(losses, watched)
        else:
            for name, parameter in parameters.items():
                handle = parameter.register_post_accumulate_grad_hook(
                    _move_into(
                        gradient_in(sums[name], parameter.shape), evidence
                    )
                )
                stack.callback(handle.remove)
            if evidence is Evidence.GRADIENT_AND_INPUTS:
                watched = MomentSums(parameters, sums)
                stack.push(_unless_it_failed(watched.warn_of_unmet))
            done = backward_each(losses, watched)
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
