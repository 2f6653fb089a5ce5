# Copyright (c) gps_seg contributors. Apache-2.0.
"""From scores to a selection: who competes with whom, and how many win."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gps_seg.sparse.amounts import Amount, Contest, check_places
from gps_seg.sparse.neurons import as_neurons, as_weight
from gps_seg.sparse.roles import Owned
from gps_seg.sparse.selection import Selection
from gps_seg.sparse.topk import topk_of_all, topk_per_row


class Chosen(NamedTuple):
    """What won in each weight.

    Args:
        masks: True at the winners; in the shape of the weight.
        silent: Number of silent neurons.
    """

    masks: dict[str, Tensor]
    silent: dict[str, int]


@dataclass(frozen=True)
class Budget:
    """``amount`` of the entries win within each ``scope``.

    Args:
        scope: Competitors: the entries of a ``'neuron'`` (GPS), of a weight
            (``'layer'``), or all (``'network'``).
        amount: Number of winners among them.

    Raises:
        ValueError: If the scope is unknown.
    """

    scope: str
    amount: Amount

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise ValueError(
                f'scope: expected one of {tuple(SCOPES)}, got {self.scope!r}.'
            )

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError, naming the weight, if the amount does not fit."""
        network = _in_all(weights)
        if self.scope == 'network':
            check_places(self.amount, network, network, 'all weights')
            return
        for name, owned in weights.items():
            contest = _in_weight(owned)
            if self.scope == 'neuron':
                contest = _in_neuron(owned)
            check_places(
                self.amount, contest, network, f'each {self.scope} ({name})'
            )

    def select(
        self,
        scores: Mapping[str, Tensor],  # each of the shape of its weight
        weights: Mapping[str, Owned],
    ) -> tuple[Selection, dict[str, int]]:
        """The selection, and how many silent neurons each weight has.

        Raises:
            ValueError: If a score is not finite or the amount does not fit.
        """
        self.check(weights)
        chosen = SCOPES[self.scope](scores, weights, self.amount)
        return Selection.from_masks(chosen.masks), chosen.silent


def checked_finite(score: Tensor, name: str) -> Tensor:
    """The score; raise ValueError, naming the weight, unless it is finite."""
    if bool(score.isfinite().all()):
        return score
    raise ValueError(
        f'score: expected finite values, got '
        f'{int((~score.isfinite()).sum())} that are not ({name}). Look for a '
        'non-finite loss or an overflow in the model.'
    )


def _in_neuron(owned: Owned) -> Contest:
    return Contest(1, as_neurons(owned.parameter, owned.module).shape[1])


def _in_weight(owned: Owned) -> Contest:
    neurons, fan_in = as_neurons(owned.parameter, owned.module).shape
    return Contest(neurons, neurons * fan_in)


def _in_all(weights: Mapping[str, Owned]) -> Contest:
    contests = [_in_weight(owned) for owned in weights.values()]
    return Contest(
        sum(contest.groups for contest in contests),
        sum(contest.candidates for contest in contests),
    )


def _per_neuron(
    scores: Mapping[str, Tensor], weights: Mapping[str, Owned], amount: Amount
) -> Chosen:
    """Each neuron chooses among its inputs.

    A neuron is silent when all its scores are zero (a dead unit): there the
    score says nothing, and taking the first or last input is an accident. It
    competes by ``|weight|`` instead, so that every neuron still gets its
    connections, those that will carry most once it wakes.
    """
    network = _in_all(weights)
    masks, silent = {}, {}
    for name, owned in weights.items():
        score = checked_finite(scores[name], name)
        rows = as_neurons(score, owned.module)
        is_silent = (rows == 0).all(dim=1, keepdim=True)
        magnitude = owned.parameter.detach().abs().to(rows)
        rows = torch.where(
            is_silent, as_neurons(magnitude, owned.module), rows
        )
        places = amount.places(_in_neuron(owned), network)
        masks[name] = as_weight(
            topk_per_row(rows, places), owned.parameter.shape, owned.module
        )
        silent[name] = int(is_silent.sum())
    return Chosen(masks, silent)


def _per_layer(
    scores: Mapping[str, Tensor], weights: Mapping[str, Owned], amount: Amount
) -> Chosen:
    """The entries of each weight compete."""
    network = _in_all(weights)
    masks: dict[str, Tensor] = {}
    for name, owned in weights.items():
        score = checked_finite(scores[name], name)
        places = amount.places(_in_weight(owned), network)
        masks |= topk_of_all({name: score}, places)
    return Chosen(masks, {})


def _per_network(
    scores: Mapping[str, Tensor], weights: Mapping[str, Owned], amount: Amount
) -> Chosen:
    """All entries compete; a weight may be left with none."""
    network = _in_all(weights)
    found = {name: checked_finite(scores[name], name) for name in weights}
    return Chosen(topk_of_all(found, amount.places(network, network)), {})


#: How the entries compete, by the name of the scope.
SCOPES: Mapping[
    str,
    Callable[[Mapping[str, Tensor], Mapping[str, Owned], Amount], Chosen],
] = {
    'neuron': _per_neuron,
    'layer': _per_layer,
    'network': _per_network,
}
