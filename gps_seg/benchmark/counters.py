# Copyright (c) gps_seg contributors. Apache-2.0.
"""Memory and traffic of one training step, which no machine changes."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.contender import Contender


class Bytes(NamedTuple):
    """Bytes of the encoder and of the rest of the model."""

    encoder: int
    head: int


class Counts(NamedTuple):
    """Bytes of one training step.

    Args:
        saved: Bytes that autograd keeps from the forward to the backward
            pass, in the whole model, without parameters and buffers.
        gradients: Bytes of the gradients after the backward pass.
        optimizer_state: Bytes of the optimizer's state.
        network: Bytes that each of two processes sends to average gradients.
    """

    saved: int
    gradients: Bytes
    optimizer_state: Bytes
    network: Bytes


def count_step(model: nn.Module, contender: Contender) -> Counts:
    """Take one step and count its bytes; there must be no gradients yet.

    In a ring of ``n`` processes each one sends ``2 (n - 1) / n`` times the
    size of the averaged tensors, which is once for two processes.
    """
    parameters = _everything(model, contender)
    resident = [*model.buffers(), *(p for _, p in parameters)]
    saved: list[int] = []
    contender.backward(lambda loss: saved.append(saved_bytes(loss, resident)))
    gradients = _split((name, [p.grad]) for name, p in parameters)
    contender.update()
    state = contender.optimizer.state
    return Counts(
        saved[0],
        gradients,
        _split(
            (name, state[parameter].values())
            for name, parameter in contender.trained.items()
        ),
        _split((name, [p]) for name, p in contender.trained.items()),
    )


def saved_bytes(output: Tensor, resident: Iterable[Tensor]) -> int:
    """Bytes that the graph of a tensor keeps for the backward pass.

    Every storage counts once and in full, since a view keeps all of it.
    Tensors that a custom ``autograd.Function`` saves count, too. Where hooks
    keep something else in place of a tensor, such as the way to compute it
    again, nothing counts.

    Args:
        output: Result of a forward pass.
        resident: Tensors whose storages exist anyway and are not counted.
    """
    kept = {
        storage.data_ptr(): storage.nbytes()
        for tensor in _kept_by(output)
        if (storage := tensor.untyped_storage()).nbytes()
    }
    for tensor in resident:
        kept.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(kept.values())


def _kept_by(output: Tensor) -> Iterator[Tensor]:
    seen, ahead = set(), [output.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        ahead += [before for before, _ in node.next_functions]
        for name in dir(node):
            if name.startswith('_raw_saved_'):
                yield from _tensors_in(getattr(node, name))


def _tensors_in(saved: Any) -> Iterator[Tensor]:
    """The tensors of one field of a node, which holds one or several."""
    for one in saved if isinstance(saved, list | tuple) else [saved]:
        if isinstance(one.data, Tensor):
            yield one.data


def _everything(
    model: nn.Module, contender: Contender
) -> list[tuple[str, nn.Parameter]]:
    """All tensors that may have a gradient, with their names in the model.

    A dense weight and its selected values have the same name.
    """
    named = {parameter: n for n, parameter in model.named_parameters()}
    named |= {parameter: n for n, parameter in contender.trained.items()}
    return [(name, parameter) for parameter, name in named.items()]


def _split(tensors: Iterable[tuple[str, Iterable[Tensor | None]]]) -> Bytes:
    encoder = head = 0
    for name, group in tensors:
        size = sum(t.nbytes for t in group if t is not None)
        if name.startswith(f'{ENCODER}.'):
            encoder += size
        else:
            head += size
    return Bytes(encoder, head)
