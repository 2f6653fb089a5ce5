# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a tuning method is, and the methods by name.

A method says which part of each parameter trains, and chooses the entries of
those of which only a part does. When the pass over the training data runs,
and over which, is not its business: it asks for the evidence if it wants any.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import nn

from gps_seg.peft.settings import build_from
from gps_seg.sparse import Evidence, Owned, Role, RunningSums, Selection

#: Runs the pass over the training data. It gives the sums of the evidence of
#: each weight each time the data seen has doubled, and at the end; who has
#: seen enough may stop asking.
TrainingPass = Callable[[Evidence], Generator[RunningSums, None, None]]


@dataclass(frozen=True)
class Choice:
    """A selection, and how it came about.

    Args:
        selection: The entries that train.
        silent: Number of silent neurons of each weight.
        overlaps: Batches seen -> share of the entries that were selected
            already when half of them had been seen.
    """

    selection: Selection
    silent: Mapping[str, int] = field(default_factory=dict)
    overlaps: Mapping[int, float] = field(default_factory=dict)


class PeftMethod(Protocol):
    """Contract of every tuning method."""

    @property
    def encoder(self) -> str:
        """Name of the pretrained submodule; all else is new in the task."""

    @property
    def evidence(self) -> Evidence | None:
        """What it asks of the training data; None for nothing."""

    def roles(self, model: nn.Module) -> Mapping[str, Role]:
        """The role of every parameter, by name."""

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError if the weights to select from do not fit."""

    def choose(
        self,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Choose entries of the weights whose role is ``SELECTED``."""

    def pull(self, model: nn.Module) -> Mapping[str, float]:
        """Strength of an L2 pull towards the start, by parameter name."""


class SelectsNothing:
    """The part of the contract of methods that train tensors whole."""

    evidence = None

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Nothing to check."""

    def choose(
        self,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Choose nothing; no pass is run."""
        return Choice(Selection({}, {}))

    def pull(self, model: nn.Module) -> Mapping[str, float]:
        """Nothing is pulled towards its start."""
        return {}


def build_method(
    config: Mapping[str, Any],
    methods: Mapping[str, Callable[..., PeftMethod]],
) -> PeftMethod:
    """The method that ``config`` describes, ``dict(type='gps', k=1)``.

    Raises:
        ValueError: If the type or a key is unknown, or a key is missing; the
            legal choices are listed.
    """
    return build_from(methods, config, 'method')
