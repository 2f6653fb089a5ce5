# Copyright (c) gps_seg contributors. Apache-2.0.
"""Memory and traffic of one training step, which no machine changes."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

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
            pass, in the whole model, without parameters, buffers and images.
        gradients: Bytes of the gradients after the backward pass.
        optimizer_state: Bytes of the optimizer's state.
        network: Bytes that each of two processes sends to average gradients.
    """

    saved: int
    gradients: Bytes
    optimizer_state: Bytes
    network: Bytes


def count_step(
    model: nn.Module, contender: Contender, compiled: bool = False
) -> Counts:
    """Take one step and count its bytes; there must be no gradients yet.

    An extra forward pass comes first, for the bytes that it saves.

    In a ring of ``n`` processes each one sends ``2 (n - 1) / n`` times the
    size of the averaged tensors, which is once for two processes.

    Args:
        model: Segmentor under a method.
        contender: The method.
        compiled: Whether its forward pass is compiled.
    """
    parameters = _everything(model, contender)
    with contender.passes():
        if compiled:
            resident = [*model.buffers(), *(p for _, p in parameters)]
            saved = saved_by_graph(contender.loss(), resident)
        else:
            saved = saved_bytes(contender.loss)
    contender.backward()
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


def saved_bytes(forward: Callable[[], Tensor]) -> int:
    """Bytes that a forward pass leaves behind for its backward pass.

    These are the storages that it makes and that the graph of its result still
    keeps alive when it has ended, in whatever way: saved by an operation or by
    a custom ``autograd.Function``, packed by hooks (checkpoints, recipes), or
    held by an object. Every storage counts once and in full, since a view
    keeps all of it. What was there before, such as parameters and images, does
    not count.

    Args:
        forward: Function that returns the loss.
    """
    storages = _NewStorages()
    with storages:
        graph = forward().grad_fn  # keeps all but the loss itself
    gc.collect()  # what only circles of Python objects hold
    saved = storages.alive()
    del graph
    return saved


def saved_by_graph(output: Tensor, resident: Iterable[Tensor]) -> int:
    """Bytes that the nodes of a graph save, for a compiled forward pass.

    What :func:`saved_bytes` watches does not reach compiled code.

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


class _NewStorages(TorchDispatchMode):
    """Collects the storages that operations make inside the context."""

    def __init__(self) -> None:
        super().__init__()
        # A weak reference prevents the reuse of an address, not the release
        # of the bytes.
        self._made: dict[int, tuple[StorageWeakRef, int]] = {}
        self._older: dict[int, StorageWeakRef] = {}

    def alive(self) -> int:
        """Bytes of the storages that are not freed yet."""
        return sum(
            size
            for storage, size in self._made.values()
            if not storage.expired()
        )

    def __torch_dispatch__(
        self,
        operation: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        for storage in _storages((args, kwargs)):
            if storage._cdata not in self._made:
                self._older[storage._cdata] = StorageWeakRef(storage)
        result = operation(*args, **kwargs)
        for storage in _storages(result):
            if storage._cdata not in self._older:
                made = StorageWeakRef(storage), storage.nbytes()
                self._made[storage._cdata] = made
        return result


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    return [
        leaf.untyped_storage()
        for leaf in tree_leaves(tree)
        if isinstance(leaf, Tensor)
    ]


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
