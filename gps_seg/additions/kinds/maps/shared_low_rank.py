# Copyright (c) gps_seg contributors. Apache-2.0.
"""Updates of low rank of many maps that share their factors (FacT).

Jie and Deng, AAAI 2023. All maps of an encoder of width d are cut into parts
of d x d: one for each of queries, keys, values and the projection, four for
each layer of an MLP of ratio 4. Part i is changed by ``scale * V S_i U``, with
``U`` of shape (rank, d) and ``V`` of shape (d, rank) for all parts. In the
tensor-train format the ``S_i`` of shape (rank, rank) are free; in the Tucker
format ``S_i = sum_j p_ij C_j`` with a core ``C`` of shape (rank, rank, rank).
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.additions.addition import Addition
from gps_seg.additions.hosts import Handle
from gps_seg.additions.neighbours import neighbours
from gps_seg.additions.plan import Place
from gps_seg.additions.weight_forms import Map, intercept


class SharedLowRank(Addition):
    """Add products of shared thin matrices to linear maps of an encoder.

    Args:
        width: Number of channels of the encoder.
        rank: Rank of the updates.
        scale: Factor of the updates.
        core: Whether the small matrices are mixtures of a shared core.
        maps: Place in the encoder, number of outputs and number of inputs of
            each map; the numbers are multiples of the width.
    """

    def __init__(
        self,
        width: int,
        rank: int,
        scale: float,
        core: bool,
        maps: Sequence[tuple[str, int, int]],
    ) -> None:
        super().__init__()
        self.scale = scale
        self.maps: list[SharedForm] = []
        start = 0
        for place, outputs, inputs in maps:
            parts = outputs // width, inputs // width
            self.maps.append(SharedForm(self, Place.of(place), start, parts))
            start += math.prod(parts)
        self.u = nn.Parameter(torch.empty(rank, width))
        self.v = nn.Parameter(torch.zeros(width, rank))
        nn.init.kaiming_uniform_(self.u, a=math.sqrt(5))
        if core:
            self.core = nn.Parameter(torch.empty(rank, rank, rank))
            self.mixing = nn.Parameter(torch.empty(start, rank))
            nn.init.xavier_uniform_(self.core)
            nn.init.xavier_uniform_(self.mixing)
        else:
            self.middle = nn.Parameter(torch.empty(start, rank, rank))
            nn.init.uniform_(self.middle, -(rank**-0.5), rank**-0.5)
        self.has_core = core

    def hang(self, host: nn.Module) -> Iterator[Handle]:
        """Intercept every map."""
        forms = defaultdict(list)
        for form in self.maps:
            name = form.place.name
            form.rows = form.place.rows or (0, len(host.get_parameter(name)))
            forms[name].append(form)
        for name, own in forms.items():
            yield from intercept(host, name, own)

    def beside(self, host: nn.Module) -> Mapping[str, nn.Parameter]:
        """All beside the weight of the first map."""
        name = self.maps[0].place.name
        return neighbours(self, {name: host.get_parameter(name)})

    def merged(self, host: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Each weight with its updates."""
        changed: dict[str, Tensor] = {}
        for form in self.maps:
            name, rows = form.place.name, slice(*(form.place.rows or [None]))
            weight = changed.setdefault(name, host[name].clone())
            weight[rows] += self.scale * form.update()
        return changed

    def middles(self, start: int, stop: int) -> Tensor:
        """The small matrices of some parts: (parts, rank, rank)."""
        if not self.has_core:
            return self.middle[start:stop]
        return torch.einsum('pj,jrs->prs', self.mixing[start:stop], self.core)


class SharedForm:
    """One of the maps that are changed.

    Args:
        shared: Addition with the factors.
        place: Place of the map in the encoder.
        start: Number of the first part of the map.
        parts: Numbers of its parts along outputs and inputs.
    """

    of_inputs = False
    rows: tuple[int, int]

    def __init__(
        self,
        shared: SharedLowRank,
        place: Place,
        start: int,
        parts: tuple[int, int],
    ) -> None:
        self.place = place
        self._shared, self._start, self._parts = shared, start, parts

    def __call__(self, base: Map, inputs: Tensor) -> Tensor:
        """Outputs of the map and of its update."""
        shared, (along_out, along_in) = self._shared, self._parts
        thin = F.linear(inputs.unflatten(-1, (along_in, -1)), shared.u)
        middle = self._middle().permute(0, 2, 1, 3)
        small = F.linear(
            thin.flatten(-2), middle.flatten(2).flatten(0, 1)
        ).unflatten(-1, (along_out, -1))
        update = F.linear(small, shared.v).flatten(-2)
        return base(inputs) + shared.scale * update

    def update(self) -> Tensor:
        """What is added to the weight, without the scale: (out, in)."""
        shared = self._shared
        blocks: Tensor = shared.v @ self._middle() @ shared.u
        return blocks.transpose(1, 2).flatten(2).flatten(0, 1)

    def _middle(self) -> Tensor:
        """The small matrices: (parts of out, parts of in, rank, rank)."""
        stop = self._start + math.prod(self._parts)
        middles = self._shared.middles(self._start, stop)
        return middles.reshape(*self._parts, *middles.shape[1:])
