# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a tuning method is, and the methods by name.

A method says which part of each parameter trains, and chooses the entries of
those of which only a part does. When the pass over the training data runs,
and over which, is not its business: it asks for the evidence if it wants any.
"""

import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from torch import nn

from gps_seg.sparse import Evidence, Owned, Role, RunningSums, Selection

T = TypeVar('T')

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


def build_from(
    table: Mapping[str, Callable[..., T]],
    config: Mapping[str, Any],
    what: str,
) -> T:
    """An object of the type that ``config`` names, with its other keys.

    Raises:
        ValueError: If the type or a key is unknown, or a key is missing; the
            legal choices are listed.
    """
    if not isinstance(config, Mapping):
        raise ValueError(
            f'{what}: expected dict(type=...) with a type among '
            f'{sorted(table)}, got {config!r}.'
        )
    settings = dict(config)
    name = settings.pop('type', None)
    if name not in table:
        raise ValueError(
            f'{what}: expected a type among {sorted(table)}, got {name!r}.'
        )
    check_keys(table[name], settings, f"{what} '{name}'")
    return table[name](**settings)


def check_keys(
    callee: Callable[..., Any], settings: Mapping[str, Any], what: str
) -> None:
    """Raise ValueError if a key is unknown or missing.

    Args:
        callee: Class or function that takes the settings.
        settings: Keyword arguments for it.
        what: Place of the settings for the message: ``"method 'gps'"``.
    """
    parameters = inspect.signature(callee).parameters
    unknown = sorted(settings.keys() - parameters.keys())
    if unknown:
        raise ValueError(
            f'{what}: expected keys among {list(parameters)}, got {unknown}.'
        )
    missing = [
        key
        for key, parameter in parameters.items()
        if parameter.default is parameter.empty and key not in settings
    ]
    if missing:
        raise ValueError(
            f'{what}: expected a value for {missing}, got none.'
            + _where_to_add(missing[0], what)
        )


def _where_to_add(key: str, what: str) -> str:
    """Advice for a dict of the ``PeftHook``; none for other things."""
    section = what.split()[0]
    if not section.isidentifier():
        return ''
    return (
        f' Add {key}=... to its dict (tools/train.py: --peft-options '
        f'{section}.{key}=...).'
    )
