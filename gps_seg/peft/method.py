# Copyright (c) gps_seg contributors. Apache-2.0.
"""The interface of a tuning method.

A method says which parameters train whole, in part or not at all, chooses the
entries of those that train in part, and plans what is added to the model. It
does not run the pass over the training data itself; it only requests evidence
if it needs any.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from torch import nn

from gps_seg.additions import Plan
from gps_seg.peft.settings import build_from
from gps_seg.sparse import (
    Evidence,
    Owned,
    Role,
    RunningSums,
    Selection,
    owned_parameters,
)
from gps_seg.sparse.training.unit_steps import UnitSteps


class TrainingPass(Protocol):
    """A function that runs the pass over the training data.

    It yields the sums of the evidence at the end, once. A method that may stop
    earlier asks for them each time the number of batches has doubled, too.
    With several processes they are added up before each yield.
    """

    def __call__(
        self,
        evidence: Evidence,
        *,
        most: int | None = None,
        doublings: bool = False,
    ) -> Generator[RunningSums, None, None]:
        """Yield the sums over no more than ``most`` batches per process."""


@dataclass(frozen=True)
class Choice:
    """A selection, with facts about how it was made.

    Args:
        selection: Entries that train.
        dead: Number of dead neurons (all scores zero) of each weight.
        overlaps: Number of batches -> share of the selected entries that had
            already been selected after half as many batches.
        structure: Other decisions of the method, as plain data, such as the
            weights that get an update of low rank.
        steps: Coordinates in which selected entries train, by name of the
            weight; those of other weights train as they are.

    Example:
        >>> Choice(Selection({}, {})).overlaps
        {}
    """

    selection: Selection
    dead: Mapping[str, int] = field(default_factory=dict, repr=False)
    overlaps: Mapping[int, float] = field(default_factory=dict)
    structure: Mapping[str, Any] = field(default_factory=dict, repr=False)
    steps: Mapping[str, UnitSteps] = field(default_factory=dict, repr=False)


class PeftMethod(Protocol):
    """The interface of every tuning method.

    A class may inherit from it. Members with a body here are then defaults.

    Example:
        >>> from gps_seg.peft.selects_nothing import SelectsNothing
        >>> class Everything(SelectsNothing):
        ...     encoder = 'backbone'
        ...
        ...     def roles(self, model):
        ...         return {n: Role.WHOLE for n, _ in model.named_parameters()}
        >>> Everything().pull(nn.Linear(2, 2))
        {}
    """

    #: Name of the optional package that the method needs.
    package: ClassVar[str | None] = None
    #: Largest number of values that train inside the encoder, where data
    #: decide which; None if the settings decide.
    budget: int | None = None

    @property
    def encoder(self) -> str:
        """Name of the pretrained submodule; the rest is new in the task."""

    @property
    def evidence(self) -> Evidence | None:
        """Evidence needed from the training data, or None."""

    @property
    def tunes_encoder(self) -> bool:
        """Whether anything inside the encoder should train."""
        return True

    def roles(self, model: nn.Module) -> Mapping[str, Role]:
        """The role of every parameter, by name."""

    def scored(
        self, model: nn.Module, roles: Mapping[str, Role]
    ) -> dict[str, Owned]:
        """The parameters for which the evidence is summed, by name.

        By default these are the parameters with the role ``SELECTED``. A
        method that decides where to add something scores frozen ones.

        Args:
            model: Model with what is :meth:`provisional`.
            roles: Result of :meth:`roles`.
        """
        return weights_to_select(model, roles)

    def provisional(self, model: nn.Module) -> Plan:
        """What is attached to the model while the method chooses.

        A method that decides by parts of what it adds scores them in place.
        They have the initial values that they would have in training, or
        those after a warm-up. All of it is detached after the choice.

        Args:
            model: Plain model.

        Raises:
            ValueError: If the settings do not fit the model.
        """
        return Plan()

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Raise ValueError if the scored parameters do not fit."""

    def sizes(self, weights: Mapping[str, Owned]) -> Mapping[str, int] | None:
        """Number of entries that :meth:`choose` will select.

        Args:
            weights: Weights to select from, by name; :meth:`check` accepts
                them.

        Returns:
            Number by name of the weight, and under ``''`` the number of those
            whose weight depends on data; None if the number does.
        """
        return None

    def choose(
        self,
        model: nn.Module,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Choose entries that train, and where something is added.

        Args:
            model: Model with what is :meth:`provisional`.
            weights: Result of :meth:`scored`; :meth:`check` accepts it.
            passes: Pass over the training data.
            seed: Seed of random choices.
        """

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """What is added to the model; all of it trains.

        Args:
            model: Plain model.
            choice: Result of :meth:`choose`; None before it, for all that
                may be added, and to check that the settings fit the model.

        Raises:
            ValueError: If the settings do not fit the model.
        """
        return Plan()

    def pull(self, model: nn.Module) -> Mapping[str, float]:
        """Strength of an L2 pull towards the start, by parameter name."""
        return {}

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """Settings that have no effect with this method.

        Args:
            given: Names of the settings of the pass over the training data
                that were given: ``max_batches``, ``loss``, ...

        Returns:
            Name of the setting, from ``given`` or the method's own settings
            -> reason that completes "the method ...".
        """
        return {}

    def cautions(self, model: nn.Module) -> Iterator[str]:
        """Warnings before this model is tuned, one sentence each."""
        yield from ()


def weights_to_select(
    model: nn.Module, roles: Mapping[str, Role]
) -> dict[str, Owned]:
    """The weights with the role ``SELECTED``, by name.

    Args:
        model: Model that owns the weights.
        roles: Role of every parameter, by name.

    Example:
        >>> from gps_seg.peft import GPS, weights_to_select
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(4, 4), 'head': nn.Linear(4, 2)}
        ... )
        >>> weights_to_select(model, GPS(k=1).roles(model))
        {'backbone.weight': Owned(Linear.weight, shape (4, 4))}
    """
    return {
        name: owned
        for name, owned in owned_parameters(model)
        if roles[name] is Role.SELECTED
    }


def build_method(
    config: Mapping[str, Any],
    methods: Mapping[str, Callable[..., PeftMethod]],
) -> PeftMethod:
    """Build the method that ``config`` describes.

    A setting with a ``type`` is a method itself, and is built first.

    Args:
        config: Type and settings, such as ``dict(type='gps', k=1)``.
        methods: Class of each type.

    Raises:
        ValueError: If the type or a key is unknown, or a key is missing; the
            legal choices are listed.

    Example:
        >>> from gps_seg.peft import METHODS
        >>> build_method({'type': 'linear'}, METHODS)
        Linear(encoder='backbone')
    """
    if isinstance(config, Mapping):
        nested = {
            key: build_method(value, methods)
            for key, value in config.items()
            if isinstance(value, Mapping) and 'type' in value
        }
        config = {**config, **nested}
    return build_from(methods, config, 'method')
