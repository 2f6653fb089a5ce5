# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradient-based Parameter Selection (Zhang et al., CVPR 2024).

Of every neuron of the encoder the ``k`` input connections with the largest
|gradient| train, together with the biases and all that lies outside the
encoder. Norms, tokens and position embeddings stay.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from torch import nn

from gps_seg.peft.method import Choice, GradientPass
from gps_seg.sparse import (
    Owned,
    PerNeuron,
    Role,
    Selection,
    gps_roles,
    random_scores,
)

SCORES = ('gradient', 'random')


@dataclass(frozen=True, kw_only=True)
class GPS:
    """Train ``k`` connections of each neuron.

    Args:
        k: Connections per neuron, from 1 to the smallest fan-in.
        score: ``'gradient'``, or ``'random'`` for the control by chance.
        encoder: Name of the pretrained submodule to select in.
        settled: Stop the gradient pass once at least this share of the
            entries, in (0, 1], stays while the data seen doubles; None to see
            all of the data.

    Raises:
        ValueError: If ``k < 1``, the score is unknown or ``settled`` is not
            in (0, 1].
    """

    k: int
    score: str = 'gradient'
    encoder: str = 'backbone'
    settled: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int):
            raise TypeError(f'k: expected an int, got {self.k!r}.')
        if self.k < 1:
            raise ValueError(
                f'k: expected k >= 1 connections per neuron, got {self.k}. '
                "To train no connection use method=dict(type='bias')."
            )
        if self.score not in SCORES:
            raise ValueError(
                f'score: expected one of {SCORES}, got {self.score!r}.'
            )
        if self.settled is not None and not 0 < self.settled <= 1:
            raise ValueError(
                'settled: expected None or a share in (0, 1], got '
                f'{self.settled}.'
            )

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """Connections are selected, biases and the rest train whole."""
        return gps_roles(model, self.encoder)

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError if there is no weight or ``k`` is too large."""
        if not weights:
            raise ValueError(
                f"gps: expected trainable connections in '{self.encoder}', "
                'got none. Is the encoder frozen by the config '
                '(frozen_stages), or not made of Linear, convolution or '
                'attention layers?'
            )
        PerNeuron(self.k).check(weights)

    def choose(
        self,
        weights: Mapping[str, Owned],
        gradients: GradientPass,
        seed: int,
    ) -> Choice:
        """The ``k`` best connections of each neuron."""
        budget = PerNeuron(self.k)
        if self.score == 'gradient':
            return self._watch(gradients, weights)
        parameters = {name: owned.parameter for name, owned in weights.items()}
        scores = random_scores(parameters, seed)
        return Choice(*budget.select(scores, weights))

    def _watch(
        self, gradients: GradientPass, weights: Mapping[str, Owned]
    ) -> Choice:
        """Select each time the data has doubled, until little changes."""
        overlaps: dict[int, float] = {}
        last: Selection | None = None
        with closing(gradients()) as passes:
            for scores in passes:
                selection, silent = PerNeuron(self.k).select(scores, weights)
                if last is not None:
                    overlaps[scores.num_batches] = selection.overlap(last)
                last = selection
                if self._is_settled(overlaps.get(scores.num_batches)):
                    break
        return Choice(selection, silent, overlaps)

    def _is_settled(self, overlap: float | None) -> bool:
        if self.settled is None or overlap is None:
            return False
        return overlap >= self.settled
