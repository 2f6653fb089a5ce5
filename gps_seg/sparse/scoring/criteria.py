# Copyright (c) gps_seg contributors. Apache-2.0.
"""Importance of every entry of a weight: larger is more important.

A criterion is a function of the weight and, if needed, of the evidence that a
pass over the training data has summed for it.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.sparse.scoring.evidence import Evidence
from gps_seg.sparse.scoring.moments import (
    decrement_scores,
    gradient_in,
    newton_scores,
)


class Criterion(NamedTuple):
    """A criterion by which entries are scored.

    Args:
        evidence: Evidence to sum over the training data; None if no data is
            needed.
        score: Function of weight and sum to a float32 score of the shape of
            the weight; the sum is float32, and without evidence it is the
            weight.
    """

    evidence: Evidence | None
    score: Callable[[Tensor, Tensor], Tensor]


#: Criteria by name: gradient as in GPS (Zhang et al., CVPR 2024); Fisher
#: information as in SPT (He et al., ICCV 2023); first-order Taylor term as in
#: SNIP (Lee et al., ICLR 2019); activation as in FPS (arXiv 2510.27359);
#: magnitude as in NeuroAda (arXiv 2510.18940). Newton and decrement divide
#: the gradient by the scale of its input, see
#: :mod:`gps_seg.sparse.scoring.moments`.
CRITERIA: Mapping[str, Criterion] = {
    'gradient': Criterion(Evidence.GRADIENT, lambda w, g: g.abs()),
    'fisher': Criterion(Evidence.SQUARED_GRADIENT, lambda w, g2: g2),
    'taylor': Criterion(Evidence.GRADIENT, lambda w, g: (w.to(g) * g).abs()),
    'newton': Criterion(Evidence.GRADIENT_AND_INPUTS, newton_scores),
    'decrement': Criterion(Evidence.GRADIENT_AND_INPUTS, decrement_scores),
    'activation': Criterion(Evidence.INPUT, lambda w, x: w.to(x).abs() * x),
    'magnitude': Criterion(None, lambda w, _: w.float().abs()),
}
#: Random selection, the control for every criterion, has no formula.
RANDOM = 'random'
SCORES = (*CRITERIA, RANDOM)


def check_score(score: str) -> None:
    """Raise ValueError unless ``score`` is one of :data:`SCORES`."""
    if score not in SCORES:
        raise ValueError(f'score: expected one of {SCORES}, got {score!r}.')


def evidence_for(score: str) -> Evidence | None:
    """Evidence that ``score`` needs from the training data, or None."""
    return None if score == RANDOM else CRITERIA[score].evidence


class Scores(Mapping[str, Tensor]):
    """Score of each weight by name, computed on access.

    Each is a float32 tensor of the shape of its weight, on the device of its
    sum; random scores are on the CPU.

    Args:
        score: One of :data:`SCORES`.
        weights: Weights to score, by name.
        sums: Evidence from the training data; None if the criterion needs
            none. Gradients may be packed with sums of inputs.
        seed: Seed of random scores.

    Raises:
        ValueError: If the score is unknown.

    Example:
        >>> weights = {'fc.weight': nn.Parameter(torch.tensor([[2.0, -3.0]]))}
        >>> gradients = {'fc.weight': torch.tensor([[-5.0, 1.0]])}
        >>> Scores('gradient', weights, gradients, seed=0)['fc.weight']
        tensor([[5., 1.]])
        >>> Scores('taylor', weights, gradients, seed=0)['fc.weight']
        tensor([[10.,  3.]])
    """

    def __init__(
        self,
        score: str,
        weights: Mapping[str, nn.Parameter],
        sums: Mapping[str, Tensor] | None,
        seed: int,
    ) -> None:
        check_score(score)
        self._score = score
        self._weights = weights
        self._sums = sums
        self._seed = seed

    def __repr__(self) -> str:
        return f'Scores({self._score!r}, {len(self)} weights)'

    def __getitem__(self, name: str) -> Tensor:
        weight = self._weights[name].detach()
        if self._score == RANDOM:
            return _uniform(weight.shape, name, self._seed)
        total = weight if self._sums is None else self._sums[name]
        criterion = CRITERIA[self._score]
        if criterion.evidence is Evidence.GRADIENT:
            total = gradient_in(total, weight.shape)
        return criterion.score(weight, total)

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)


def _uniform(shape: torch.Size, name: str, seed: int) -> Tensor:
    """Uniform in (0, 1], from a generator per weight.

    The generator is seeded by ``seed`` and the name, so that the scores of a
    weight do not depend on the other weights.
    """
    # The CPU's generator keeps only 32 bits of a seed.
    generator = torch.Generator().manual_seed(
        zlib.crc32(f'{seed} {name}'.encode())
    )
    return 1 - torch.rand(shape, generator=generator)
