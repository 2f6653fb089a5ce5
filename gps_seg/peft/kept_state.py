# Copyright (c) gps_seg contributors. Apache-2.0.
"""The state of a :class:`~gps_seg.peft.Trainable` between two runs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn

from gps_seg.additions import Plan, plan_of
from gps_seg.sparse import Role, Selection
from gps_seg.sparse.training.unit_steps import UnitSteps


@dataclass(frozen=True)
class KeptState:
    """The state as tensors and plain values, so that reading it runs no code.

    Args:
        indices: Flat indices of the selected entries, by parameter name.
        shapes: Shapes of these parameters.
        values: Values of the entries, in the order of the indices.
        whole: Names of the parameters that train whole.
        pull: Strength of the pull towards the start, by parameter name.
        starts: Initial values of pulled parameters, by parameter name.
        added: Plan of what was added to the model, as plain data.
        steps: Coordinates in which entries train, by parameter name, as
            tensors and plain values.
    """

    indices: Mapping[str, Tensor]
    shapes: Mapping[str, tuple[int, ...]]
    values: Mapping[str, Tensor]
    whole: list[str]
    pull: Mapping[str, float]
    starts: Mapping[str, Tensor]
    added: list[dict[str, Any]] = field(default_factory=list)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> 'KeptState':
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: If keys or shapes are wrong.
        """
        expected = [one.name for one in fields(cls)]
        # States of earlier versions have neither of these.
        if set(state) | {'added', 'steps'} != set(expected):
            raise ValueError(
                f'state: expected the keys {expected}, got {list(state)}. '
                'Give the result of Trainable.state_dict().'
            )
        kept = cls(**state)
        for name, indices in kept.indices.items():
            values = kept.values.get(name, torch.empty(0))
            if values.shape != indices.shape:
                raise ValueError(
                    f'state: expected {len(indices)} values, got shape '
                    f'{tuple(values.shape)} ({name}). The state was changed '
                    'after it was made.'
                )
        return kept

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return dict(vars(self))

    @property
    def selection(self) -> Selection:
        """The selected entries."""
        return Selection(self.indices, self.shapes)

    @property
    def unit_steps(self) -> dict[str, UnitSteps]:
        """Coordinates in which entries train, by parameter name."""
        return {name: UnitSteps(**one) for name, one in self.steps.items()}

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """The role of every parameter of a model.

        Raises:
            ValueError: If the model has no parameter of a name.
        """
        roles = {name: Role.FROZEN for name, _ in model.named_parameters()}
        unknown = sorted({*self.whole, *self.indices} - roles.keys())
        if unknown:
            raise ValueError(
                f'state: expected parameters of the model, got {unknown[:5]} '
                f'({len(unknown)} in all). The state is from another model.'
            )
        roles |= dict.fromkeys(self.whole, Role.WHOLE)
        return roles | dict.fromkeys(self.indices, Role.SELECTED)

    def check_added(self, model: nn.Module) -> None:
        """Raise ValueError unless the model has the same additions."""
        expected, got = Plan.from_json(self.added), plan_of(model)
        if expected != got:
            raise ValueError(
                f'state: expected a model with {len(expected)} additions, got '
                f'one with {len(got)}, or others. Attach those of the state '
                "first: attach(model, Plan.from_json(state['added']), seed=0)"
                ' of gps_seg.additions, then load the weights.'
            )

    def check_is_of(
        self,
        selection: Selection,
        pulled: Collection[str],
        steps: Mapping[str, UnitSteps],
    ) -> None:
        """Check that the state fits what trains.

        Args:
            selection: Selection that trains.
            pulled: Names of the parameters that are pulled.
            steps: Coordinates in which entries train, by name of the weight.

        Raises:
            ValueError: If the state has another selection, pull or step.
        """
        if self.selection.hash != selection.hash:
            problem = (
                f'the selection {selection.hash[:12]}, got '
                f'{self.selection.hash[:12]}'
            )
        elif self.starts.keys() != set(pulled):
            problem = (
                f'starts of {sorted(pulled)[:5]} ({len(pulled)} in all), got '
                f'{len(self.starts)}'
            )
        else:
            problem = _difference(_biases(self.unit_steps), _biases(steps))
            if not problem:
                return
        raise ValueError(
            f'state: expected {problem}. Use Trainable.resumed for the state '
            'of another run.'
        )


def _biases(steps: Mapping[str, UnitSteps]) -> dict[str, str | None]:
    """The bias that takes over the means, by name of the weight."""
    return {name: one.bias for name, one in steps.items()}


def _difference(
    got: Mapping[str, str | None], expected: Mapping[str, str | None]
) -> str:
    """What differs in the steps, in words; empty for nothing."""
    if got.keys() != expected.keys():
        return (
            f'unit steps of {sorted(expected)[:5]} ({len(expected)} in all), '
            f'got {len(got)}'
        )
    for name, bias in expected.items():
        if got[name] != bias:
            return f'unit steps with the bias {bias}, got {got[name]} ({name})'
    return ''
