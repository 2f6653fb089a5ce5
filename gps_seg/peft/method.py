# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a tuning method is, and the methods by name.

A method says which part of each parameter trains, and chooses the entries of
those of which only a part does. When the gradient pass runs, and over which
data, is not its business: it asks for the scores if it wants them.
"""

import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import nn

from gps_seg.sparse import Owned, Role, RunningScores, Selection

#: Runs the pass over the training data. It gives the scores of the weights
#: each time the data seen has doubled, and at the end; who has seen enough may
#: stop asking.
GradientPass = Callable[[], Generator[RunningScores, None, None]]


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

    def roles(self, model: nn.Module) -> Mapping[str, Role]:
        """The role of every parameter, by name."""

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError if the weights to select from do not fit."""

    def choose(
        self,
        weights: Mapping[str, Owned],
        gradients: GradientPass,
        seed: int,
    ) -> Choice:
        """Choose entries of the weights whose role is ``SELECTED``."""


class SelectsNothing:
    """The part of the contract of methods that train tensors whole."""

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Nothing to check."""

    def choose(
        self,
        weights: Mapping[str, Owned],
        gradients: GradientPass,
        seed: int,
    ) -> Choice:
        """Choose nothing; no pass is run."""
        return Choice(Selection({}, {}))


def build_method(
    config: Mapping[str, Any],
    methods: Mapping[str, Callable[..., PeftMethod]],
) -> PeftMethod:
    """The method that ``config`` describes, ``dict(type='gps', k=1)``.

    Raises:
        ValueError: If the type or a key is unknown, or a key is missing; the
            legal choices are listed.
    """
    settings = dict(config)
    name = settings.pop('type', None)
    if name not in methods:
        raise ValueError(
            f'method: expected a type among {sorted(methods)}, got {name!r}.'
        )
    parameters = inspect.signature(methods[name]).parameters
    unknown = sorted(settings.keys() - parameters.keys())
    if unknown:
        raise ValueError(
            f"method '{name}': expected keys among {list(parameters)}, got "
            f'{unknown}.'
        )
    missing = [
        key
        for key, parameter in parameters.items()
        if parameter.default is parameter.empty and key not in settings
    ]
    if missing:
        raise ValueError(
            f"method '{name}': expected a value for {missing}, got none."
        )
    return methods[name](**settings)
