# Copyright (c) gps_seg contributors. Apache-2.0.
"""LoRA: updates of low rank of linear maps (Hu et al., ICLR 2022).

``y = W x + b + (alpha / rank) B A x``. ``W`` and ``b`` are frozen. In papers
on vision the maps and the rank differ, so a number means little without them.
rsLoRA (Kalajdzievski, 2023) divides by the root of the rank.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import choose_maps
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import (
    check_flag,
    check_positive,
    check_rate,
    check_whole,
)


@dataclass(frozen=True, kw_only=True)
class LoRA(AddsModules):
    """Add an update of low rank to linear maps of a frozen encoder.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: Rank of the updates.
        alpha: Strength of the updates; None for the rank.
        on: Kinds of linear maps: ``'q'``, ``'k'``, ``'v'``, ``'proj'``,
            ``'fc1'``, ``'fc2'``, ``'other'``, or ``('all',)``.
        dropout: Probability to drop an input of the updates; drawn anew for
            each of them, also for those of q, k and v.
        stable: Whether to divide alpha by the root of the rank (rsLoRA), not
            by the rank.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> import torch
        >>> from gps_seg.peft import tune
        >>> attention = nn.MultiheadAttention(16, 2)
        >>> model = nn.ModuleDict(
        ...     {'backbone': attention, 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, LoRA(rank=4), losses=[], seed=0)
        Trainable(290 values: 0 selected entries, 290 in whole tensors)
    """

    rank: int = 8
    alpha: float | None = None
    on: Sequence[str] = ('q', 'v')
    dropout: float = 0.0
    stable: bool = False

    def __post_init__(self) -> None:
        check_whole('rank', self.rank, least=1)
        if self.alpha is not None:
            check_positive('alpha', self.alpha)
        check_rate('dropout', self.dropout)
        check_flag('stable', self.stable)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """An update for each chosen map."""
        alpha = self.rank if self.alpha is None else self.alpha
        divisor = math.sqrt(self.rank) if self.stable else self.rank
        settings = {
            'rank': self.rank,
            'scale': alpha / divisor,
            'dropout': self.dropout,
        }
        return Plan(
            Added('low_rank', one.place, settings)
            for one in choose_maps(model, self.encoder, self.on)
        )
