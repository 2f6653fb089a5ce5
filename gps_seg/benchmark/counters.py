# Copyright (c) gps_seg contributors. Apache-2.0.
"""Memory and traffic of one training step, which no machine changes."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
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
    saved = saved_bytes(contender.backward, resident)
    gradients = _split((name, [p.grad]) for name, p in parameters)
    contender.update()
    state = contender.optimizer.state
    return Counts(
        saved,
        gradients,
        _split(
            (name, state[parameter].values())
            for name, parameter in contender.trained.items()
        ),
        _split((name, [p]) for name, p in contender.trained.items()),
    )


def saved_bytes(run: Callable[[], None], resident: Iterable[Tensor]) -> int:
    """Bytes that autograd saves while ``run`` runs.

    Every storage counts once and in full, since a view keeps all of it.
    Tensors that a custom ``autograd.Function`` saves count, too.

    Args:
        run: Function with a forward pass, and perhaps a backward pass.
        resident: Tensors whose storages exist anyway and are not counted.
    """
    # Keeping the storages prevents the reuse of their addresses.
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        run()
    for tensor in resident:
        kept.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(storage.nbytes() for storage in kept.values())


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
