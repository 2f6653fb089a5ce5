# Copyright (c) gps_seg contributors. Apache-2.0.
"""The time in which deltas of one encoder go on and off."""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.benchmark.architectures import ENCODER, build_segmentor
from gps_seg.benchmark.hosts import check_architecture
from gps_seg.delta import Delta, apply, extract, revert, switch
from gps_seg.sparse import Role, gps_roles

#: Share of a weight's input channels among which all of its neurons choose,
#: as in a selection for a trained ViT.
_SHARE = 0.09


class Milliseconds(NamedTuple):
    """Times of one operation.

    Args:
        best: Shortest time in milliseconds.
        median: Median in milliseconds.
    """

    best: float
    median: float


def measure_switching(
    arch: str,
    size: int | None = None,
    k: int = 1,
    repeats: int = 30,
    seed: int = 0,
) -> dict[str, int | Milliseconds]:
    """Time `apply`, `revert` and `switch` for two deltas of an encoder.

    The deltas change ``k`` entries of each neuron and all biases. The neurons
    of a weight choose among a few input channels, others in each delta. Only
    the first `apply` hashes the whole base.

    Args:
        arch: Key of :data:`~gps_seg.benchmark.hosts.ARCHITECTURES`.
        size: Side of the square input in pixels; None for the default.
        k: Number of changed connections per neuron.
        repeats: Number of timed operations of each kind.
        seed: Seed of weights and deltas.

    Returns:
        ``selected`` and ``whole``: numbers of entries of each delta that
        change alone, or as a part of whole tensors; ``first_apply``,
        ``apply``, ``revert`` and ``switch``: their times.

    Example::

        print(measure_switching('vit-b16')['switch'].best)
    """
    size = check_architecture(arch, size)
    encoder = getattr(build_segmentor(arch, size, seed), ENCODER)
    model = nn.ModuleDict({ENCODER: encoder})
    one, other = (
        _delta(model, k, torch.Generator().manual_seed(seed + task))
        for task in (1, 2)
    )
    first = _times([lambda: apply(model, one)])
    for delta in (other, one):  # each is new to the model once
        switch(model, delta)
    switching = _times(
        lambda delta=delta: switch(model, delta)
        for _ in range(repeats)
        for delta in (other, one)
    )
    toggling = _times(
        action
        for _ in range(repeats)
        for action in (lambda: revert(model), lambda: apply(model, one))
    )
    revert(model)
    selected = one.selection.num_selected
    return {
        'selected': selected,
        'whole': sum(len(c.values) for c in one.changes.values()) - selected,
        'first_apply': _summary(first),
        'switch': _summary(switching),
        'apply': _summary(toggling[1::2]),
        'revert': _summary(toggling[::2]),
    }


def _delta(model: nn.Module, k: int, generator: torch.Generator) -> Delta:
    """A delta with the entries that GPS could have trained."""
    base = model.state_dict()
    changed: dict[str, Tensor] = {}
    for name, role in gps_roles(model, ENCODER).items():
        if role is Role.FROZEN:
            continue
        tensor = base[name].clone()
        if role is Role.SELECTED:
            entries = _entries(tensor, k, generator)
        else:
            entries = torch.arange(tensor.numel())
        change = 0.01 + 0.01 * torch.rand(len(entries), generator=generator)
        tensor.view(-1)[entries] += change
        changed[name] = tensor
    return extract(base, {**base, **changed})


def _entries(
    weight: Tensor,  # shape: (num_neurons, ...)
    k: int,
    generator: torch.Generator,
) -> Tensor:  # shape: (num_neurons * k,)
    """Flat indices of ``k`` connections of each neuron."""
    neurons, fan_in = len(weight), weight[0].numel()
    shared = max(k, round(_SHARE * fan_in))
    columns = torch.randperm(fan_in, generator=generator)[:shared]
    popularity = (1 / torch.arange(1.0, shared + 1)).expand(neurons, shared)
    chosen = columns[torch.multinomial(popularity, k, generator=generator)]
    return (torch.arange(neurons)[:, None] * fan_in + chosen).flatten()


def _times(actions: Iterable[Callable[[], None]]) -> list[float]:
    """Seconds that each action takes."""
    seconds = []
    for action in actions:
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return seconds


def _summary(seconds: list[float]) -> Milliseconds:
    return Milliseconds(1000 * min(seconds), 1000 * statistics.median(seconds))
