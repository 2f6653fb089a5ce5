# Copyright (c) gps_seg contributors. Apache-2.0.
"""From scores to a selection: who competes with whom, and how many win."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gps_seg.sparse.roles import Owned, as_neurons
from gps_seg.sparse.selection import Selection


def topk_per_neuron(
    score: Tensor,  # shape: (neurons, fan_in)
    k: int,
) -> Tensor:  # shape: (neurons, fan_in), bool
    """The ``k`` highest-scoring connections of each neuron.

    Of equal scores the lower index wins, on every device: entries above the
    k-th largest score are in, and the rest of the places go to the first
    entries equal to it. (``torch.topk`` alone leaves ties to the backend.)

    Args:
        score: Importance of each connection; larger is more important.
        k: Connections per neuron, ``1 <= k <= fan_in``.

    Raises:
        ValueError: If ``k`` is out of range or a score is not finite.

    Example:
        >>> topk_per_neuron(torch.tensor([[1., 3., 3.], [4., 0., 5.]]), k=1)
        tensor([[False,  True, False],
                [False, False,  True]])
    """
    check_k(k, score.shape[1])
    if not bool(score.isfinite().all()):
        raise ValueError(
            f'score: expected finite values, got '
            f'{int((~score.isfinite()).sum())} that are not. Look for a '
            'non-finite loss or an overflow in the model.'
        )
    kth = score.topk(k, dim=1).values[:, -1:]
    above = score > kth
    tied = score == kth
    places = k - above.sum(dim=1, keepdim=True)
    return above | (tied & (tied.cumsum(dim=1) <= places))


def check_k(k: int, fan_in: int) -> None:
    """Raise ValueError unless ``k`` fits a neuron of ``fan_in`` inputs."""
    if isinstance(k, bool) or not isinstance(k, int):
        raise TypeError(f'k: expected an int, got {k!r}.')
    if not 1 <= k <= fan_in:
        raise ValueError(
            f'k: expected 1 <= k <= {fan_in}, got {k}. Each neuron has '
            f'{fan_in} inputs here; choose a k that fits all weights.'
        )


@dataclass(frozen=True)
class PerNeuron:
    """``k`` connections of every neuron compete within the neuron (GPS)."""

    k: int

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError, naming the weight, if ``k`` does not fit one."""
        for name, owned in weights.items():
            neurons = as_neurons(owned.parameter, owned.module)
            try:
                check_k(self.k, neurons.shape[1])
            except ValueError as error:
                raise ValueError(f'{error} ({name})') from error

    def select(
        self,
        scores: Mapping[str, Tensor],  # each of the shape of its weight
        weights: Mapping[str, Owned],
    ) -> tuple[Selection, dict[str, int]]:
        """The selection, and how many silent neurons each weight has.

        A neuron is silent when all its scores are zero (a dead unit): there
        the gradient says nothing, and taking the first or last input is an
        accident. It competes by ``|weight|`` instead, so that every neuron
        still gets ``k`` connections, those that will carry most once it
        wakes.
        """
        indices, silent = {}, {}
        for name, owned in weights.items():
            try:
                indices[name], silent[name] = self._select_one(
                    scores[name], owned
                )
            except ValueError as error:
                raise ValueError(f'{error} ({name})') from error
        shapes = {
            name: owned.parameter.shape for name, owned in weights.items()
        }
        return Selection(indices, shapes), silent

    def _select_one(self, score: Tensor, owned: Owned) -> tuple[Tensor, int]:
        rows = as_neurons(score, owned.module)
        is_silent = (rows == 0).all(dim=1, keepdim=True)
        magnitude = owned.parameter.detach().abs().to(rows)
        rows = torch.where(
            is_silent, as_neurons(magnitude, owned.module), rows
        )
        selected = topk_per_neuron(rows, self.k)
        position = torch.arange(score.numel(), device=score.device)
        flat = as_neurons(position.view_as(score), owned.module)[selected]
        return flat.sort().values.cpu(), int(is_silent.sum())
