# Copyright (c) gps_seg contributors. Apache-2.0.
"""Bytes of one training step that do not depend on the machine."""

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
        saved: Kept by autograd from the forward to the backward pass, in all
            of the model; parameters and buffers are not counted.
        gradients: Held when the backward pass is over.
        optimizer_state: Held between the steps.
        network: Sent by each of two processes that average their gradients.
    """

    saved: int
    gradients: Bytes
    optimizer_state: Bytes
    network: Bytes


def count_step(model: nn.Module, contender: Contender) -> Counts:
    """Take one step and count; the optimizer must hold no gradient before.

    A ring of ``n`` processes sends ``2 (n - 1) / n`` times what is averaged
    from each of them; that is once for two.
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

    Every storage counts once and as a whole, as a view keeps all of it. What
    a custom ``autograd.Function`` saves by ``save_for_backward`` counts too.

    Args:
        run: A forward pass; the backward pass may follow.
        resident: Tensors that are there in any case; their storages are not
            counted.
    """
    # The storages are kept, so that no address is given out a second time.
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
    """All that may hold a gradient, each with the name in the model.

    A dense weight and its selected values share a name.
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
