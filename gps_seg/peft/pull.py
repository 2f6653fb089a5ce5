# Copyright (c) gps_seg contributors. Apache-2.0.
"""L2-SP: a pull of trained values towards their start.

Li et al., *Explicit Inductive Bias for Transfer Learning with Convolutional
Networks*, ICML 2018.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Pull:
    """The term ``sum strength * |w - start|^2`` over the values that train.

    Attributes:
        strengths: Strength of the pull, by parameter name.
        starts: Initial values of pulled parameters, by the same names.

    Args:
        strengths: Strength of the pull, by parameter name; parameters that do
            not train are skipped.
        trained: Parameters in the form that trains, by name.

    Example:
        >>> weight = nn.Parameter(torch.zeros(3))
        >>> pull = Pull({'weight': 0.5, 'frozen': 1.0}, {'weight': weight})
        >>> _ = weight.data.fill_(2.0)
        >>> pull.penalty().item()  # 0.5 * 3 * 2^2
        6.0
    """

    def __init__(
        self,
        strengths: Mapping[str, float],
        trained: Mapping[str, nn.Parameter],
    ) -> None:
        self.strengths = {n: s for n, s in strengths.items() if n in trained}
        # In the order of the model, because the sum is rounded by its order.
        self._pulled = {n: p for n, p in trained.items() if n in strengths}
        self.starts = {n: p.detach().clone() for n, p in self._pulled.items()}

    def penalty(self) -> Tensor | None:
        """The term to add to the loss; None if nothing is pulled."""
        terms = [
            self.strengths[name] * (w - self.starts[name]).square().sum()
            for name, w in self._pulled.items()
        ]
        return torch.stack(terms).sum() if terms else None
