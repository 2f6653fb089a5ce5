# Copyright (c) gps_seg contributors. Apache-2.0.
"""Select by scores: who competes with whom, and how many win."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gps_seg.sparse.amounts import Amount, Contest, check_places
from gps_seg.sparse.neurons import as_neurons, flat_indices
from gps_seg.sparse.roles import Owned
from gps_seg.sparse.selection import Selection
from gps_seg.sparse.topk import topk_of_all, topk_per_row


class Chosen(NamedTuple):
    """The winners in each weight.

    Args:
        indices: Increasing indices into the flattened weight.
        dead: Number of dead neurons.
    """

    indices: dict[str, Tensor]
    dead: dict[str, int]


@dataclass(frozen=True)
class Budget:
    """A rule by which ``amount`` of the entries in each ``scope`` win.

    Args:
        scope: Competitors: the entries of a ``'neuron'`` (GPS), of a weight
            (``'layer'``), or of all weights (``'network'``).
        amount: Number of winners among them.

    Raises:
        ValueError: If the scope is unknown.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from gps_seg.sparse import Budget, Connections, owned_parameters
        >>> weights = dict(owned_parameters(nn.Linear(3, 2, bias=False)))
        >>> scores = {'weight': torch.tensor([[1., 3., 2.], [6., 5., 4.]])}
        >>> selection, dead = Budget('neuron', Connections(1)).select(
        ...     scores, weights
        ... )
        >>> selection['weight']  # flat: column 1 of row 0, column 0 of row 1
        tensor([1, 3])
        >>> selection, dead = Budget('layer', Connections(1)).select(
        ...     scores, weights
        ... )
        >>> selection['weight']  # the two highest scores of the weight
        tensor([3, 4])
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

    def sizes(self, weights: Mapping[str, Owned]) -> dict[str, int]:
        """Number of winners in each weight, whatever the scores.

        Args:
            weights: Weights that :meth:`check` accepts.

        Returns:
            Number by name; one number under ``''`` if the scores decide how
            many of the winners are in which weight.
        """
        network = _in_all(weights)
        if self.scope == 'network':
            return {'': self.amount.places(network, network)}
        found = {}
        for name, owned in weights.items():
            contest = _in_weight(owned)
            if self.scope == 'layer':
                found[name] = self.amount.places(contest, network)
            else:
                places = self.amount.places(_in_neuron(owned), network)
                found[name] = places * contest.groups
        return found

    def select(
        self,
        scores: Mapping[str, Tensor],  # each of the shape of its weight
        weights: Mapping[str, Owned],
    ) -> tuple[Selection, dict[str, int]]:
        """The selection, and the number of dead neurons in each weight.

        Raises:
            ValueError: If a score is not finite or the amount does not fit.
        """
        self.check(weights)
        chosen = SCOPES[self.scope](scores, weights, self.amount)
        shapes = {name: o.parameter.shape for name, o in weights.items()}
        return Selection(chosen.indices, shapes), chosen.dead


def checked_finite(score: Tensor, name: str) -> Tensor:
    """Return the score, or raise ValueError if it is not finite."""
    if bool(torch.stack(score.aminmax()).isfinite().all()):
        return score  # seen by the extremes, which take a tenth of the time
    raise ValueError(
        'score: expected finite values, got '
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
    """The inputs of each neuron compete.

    A neuron is dead if all its scores are zero. They do not rank its inputs,
    and taking the first ones would be arbitrary. Its inputs compete by
    ``|weight|`` instead. So every neuron gets its connections, and a dead
    neuron gets those with the largest effect if it becomes active.
    """
    network = _in_all(weights)
    found, dead = {}, {}
    for name, owned in weights.items():
        score = checked_finite(scores[name], name)
        rows = as_neurons(score, owned.module)
        is_dead = (rows.amax(dim=1) == 0) & (rows.amin(dim=1) == 0)
        dead[name] = int(is_dead.sum())
        if dead[name]:
            weight = as_neurons(owned.parameter.detach(), owned.module)
            rows = rows.clone()
            rows[is_dead] = weight.to(rows.device)[is_dead].abs().to(rows)
        places = amount.places(_in_neuron(owned), network)
        best = topk_per_row(rows, places)
        indices = flat_indices(best, score.shape, owned.module)
        found[name] = indices.flatten().sort().values
    return Chosen(found, dead)


def _per_layer(
    scores: Mapping[str, Tensor], weights: Mapping[str, Owned], amount: Amount
) -> Chosen:
    """The entries of each weight compete."""
    network = _in_all(weights)
    found: dict[str, Tensor] = {}
    for name, owned in weights.items():
        score = checked_finite(scores[name], name)
        places = amount.places(_in_weight(owned), network)
        found |= topk_of_all({name: score}, [name], places)
    return Chosen(found, {})


def _per_network(
    scores: Mapping[str, Tensor], weights: Mapping[str, Owned], amount: Amount
) -> Chosen:
    """All entries compete; a weight may get none."""
    network = _in_all(weights)
    for name in weights:
        checked_finite(scores[name], name)
    places = amount.places(network, network)
    return Chosen(topk_of_all(scores, list(weights), places), {})


#: Scope -> function that lets the entries compete.
SCOPES: Mapping[
    str,
    Callable[[Mapping[str, Tensor], Mapping[str, Owned], Amount], Chosen],
] = {
    'neuron': _per_neuron,
    'layer': _per_layer,
    'network': _per_network,
}
