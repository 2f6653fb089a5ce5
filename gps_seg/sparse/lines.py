# Copyright (c) gps_seg contributors. Apache-2.0.
"""Selections of whole rows or columns of a weight.

Rows or columns by gradient are GRFT (arXiv 2507.00016), random columns are
PaCA (arXiv 2503.01905).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gps_seg.sparse.amounts import Amount, Contest, check_places
from gps_seg.sparse.budget import checked_finite
from gps_seg.sparse.neurons import as_neurons, flat_indices
from gps_seg.sparse.roles import Owned
from gps_seg.sparse.selection import Selection
from gps_seg.sparse.topk import topk_per_row

#: Unit -> axis of (neurons, fan_in) that one unit spans.
UNITS = {'row': 1, 'column': 0}


@dataclass(frozen=True)
class Lines:
    """A rule by which the lines with the largest sum of squares win.

    Lines are the rows or columns of a weight. A row has all inputs of one
    neuron, a column has one input of all neurons. With gradients as scores
    this is GRFT: to first order, a gradient step on a line lowers the loss by
    the learning rate times its sum.

    Args:
        unit: ``'row'`` or ``'column'``, the same for all weights.
        amount: Number of winning lines in each weight.

    Raises:
        ValueError: If the unit is unknown.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from gps_seg.sparse import Connections, Lines, owned_parameters
        >>> weights = dict(owned_parameters(nn.Linear(3, 2, bias=False)))
        >>> scores = {'weight': torch.tensor([[1., 3., 2.], [6., 5., 4.]])}
        >>> selection, _ = Lines('row', Connections(1)).select(scores, weights)
        >>> selection['weight']  # all of row 1
        tensor([3, 4, 5])
    """

    unit: str
    amount: Amount

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(
                f'unit: expected one of {tuple(UNITS)}, got {self.unit!r}.'
            )

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError, naming the weight, if the amount does not fit."""
        network = self._in_all(weights)
        for name, owned in weights.items():
            check_places(
                self.amount,
                self._in_weight(owned),
                network,
                f'the {self.unit}s of {name}',
            )

    def sizes(self, weights: Mapping[str, Owned]) -> dict[str, int]:
        """Number of entries in the winning lines of each weight.

        Args:
            weights: Weights that :meth:`check` accepts.
        """
        network = self._in_all(weights)
        found = {}
        for name, owned in weights.items():
            contest = self._in_weight(owned)
            length = owned.parameter.numel() // contest.candidates
            found[name] = self.amount.places(contest, network) * length
        return found

    def select(
        self,
        scores: Mapping[str, Tensor],  # each of the shape of its weight
        weights: Mapping[str, Owned],
    ) -> tuple[Selection, dict[str, int]]:
        """The selection, and an empty dict: lines are not counted as dead.

        Raises:
            ValueError: If a score is not finite or the amount does not fit.
        """
        self.check(weights)
        network = self._in_all(weights)
        found = {}
        for name, owned in weights.items():
            score = checked_finite(scores[name], name)
            places = self.amount.places(self._in_weight(owned), network)
            found[name] = self._best(score, owned, places)
        shapes = {name: o.parameter.shape for name, o in weights.items()}
        return Selection(found, shapes), {}

    def _best(
        self, score: Tensor, owned: Owned, places: int
    ) -> Tensor:  # shape: (number of winners,)
        """Increasing indices into the flattened weight."""
        rows = as_neurons(score, owned.module)
        lines = rows.double().square().sum(UNITS[self.unit])
        (best,) = topk_per_row(lines[None], places)
        columns = torch.arange(rows.shape[1], device=score.device)
        if self.unit == 'column':
            columns = best
        columns = columns.expand(len(rows), -1)
        indices = flat_indices(columns, score.shape, owned.module)
        if self.unit == 'row':
            indices = indices[best]
        return indices.flatten().sort().values

    def _in_weight(self, owned: Owned) -> Contest:
        neurons = as_neurons(owned.parameter, owned.module)
        return Contest(1, neurons.shape[1 - UNITS[self.unit]])

    def _in_all(self, weights: Mapping[str, Owned]) -> Contest:
        contests = [self._in_weight(owned) for owned in weights.values()]
        return Contest(len(contests), sum(c.candidates for c in contests))
