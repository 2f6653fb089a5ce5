# Copyright (c) gps_seg contributors. Apache-2.0.
"""Any method that adds to linear maps, where its budget is best spent.

The idea is that of BIPEFT (Chang et al., 2024): a budget decides where modules
stay. There the weights of a search decide, trained together with the modules;
here the gradients of the plain model do, before the training.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.names import is_form
from gps_seg.peft.method import Choice, PeftMethod, TrainingPass
from gps_seg.peft.placing.cost import cost_of
from gps_seg.peft.placing.sensitivity import sensitivities
from gps_seg.sparse import (
    Evidence,
    Owned,
    Role,
    Selection,
    owned_parameters,
)
from gps_seg.sparse.checks import check_whole


@dataclass(frozen=True, kw_only=True)
class Budgeted(PeftMethod):
    """Keep the additions of a method at the most sensitive maps.

    The sensitivity of a map is the sum over its entries and over batches of
    the squared gradient. Maps are taken in the order of sensitivity per added
    value, as long as they fit the budget. The pass over the training data ends
    after 16 batches.

    Args:
        of: Method that adds to linear maps, such as
            ``dict(type='lora', rank=8, on=('all',))``.
        budget: Largest number of added values.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range, or the method itself needs
            data.

    Example:
        >>> import torch
        >>> from gps_seg.peft import LoRA, tune
        >>> _ = torch.manual_seed(0)
        >>> attention = nn.MultiheadAttention(16, 2)
        >>> model = nn.ModuleDict({'backbone': attention})
        >>> x = torch.randn(5, 1, 16)
        >>> loss = lambda: attention(x, x, x)[0].square().mean()
        >>> method = Budgeted(of=LoRA(rank=2, on=('all',)), budget=130)
        >>> tune(model, method, losses=[loss], seed=0)
        Trainable(128 values: 0 selected entries, 128 in whole tensors)
    """

    of: PeftMethod
    budget: int

    def __post_init__(self) -> None:
        check_whole('budget', self.budget, least=1)
        if not hasattr(self.of, 'additions'):
            raise TypeError(
                f'of: expected a method, as dict(type=...), got {self.of!r}.'
            )
        if self.of.evidence is not None:
            raise ValueError(
                'of: expected a method that needs no pass over the training '
                f'data itself, got {self.of}.'
            )

    @property
    def encoder(self) -> str:
        """The submodule that the method tunes."""
        return self.of.encoder

    @property
    def evidence(self) -> Evidence:
        """Squared gradients."""
        return Evidence.SQUARED_GRADIENT

    def roles(self, model: nn.Module) -> Mapping[str, Role]:
        """Those of the method."""
        return self.of.roles(model)

    def scored(
        self, model: nn.Module, roles: Mapping[str, Role]
    ) -> dict[str, Owned]:
        """The weights of the maps to which the method adds."""
        names = {one.place.name for one in self.of.additions(model, None)}
        return {n: o for n, o in owned_parameters(model) if n in names}

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Accept any model: :meth:`additions` checks it."""

    def choose(
        self,
        model: nn.Module,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Take maps in order, as long as they fit the budget."""
        scores = sensitivities(passes)
        worth = [
            (_score(one, scores) / cost, one, cost)
            for one, cost in self._costs(model)
        ]
        left, kept = self.budget, []
        for _, one, cost in sorted(worth, key=lambda w: w[0], reverse=True):
            if cost <= left:
                left -= cost
                kept.append(str(one.place))
        return Choice(Selection({}, {}), structure={'places': kept})

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """Those of the method, at the chosen maps; all before the choice."""
        plan = self.of.additions(model, None)
        if choice is None:
            self._check(model)
            return plan
        kept = choice.structure['places']
        return Plan(one for one in plan if str(one.place) in kept)

    def pull(self, model: nn.Module) -> Mapping[str, float]:
        """The pull of the method."""
        return self.of.pull(model)

    def cautions(self, model: nn.Module) -> Iterator[str]:
        """Those of the method."""
        return self.of.cautions(model)

    def _costs(self, model: nn.Module) -> list[tuple[Added, int]]:
        """Each addition of the method, with its number of values."""
        tensors = dict(model.named_parameters())
        return [
            (one, cost_of(one, tensors))
            for one in self.of.additions(model, None)
        ]

    def _check(self, model: nn.Module) -> None:
        """Raise ValueError unless the method and its budget fit the model."""
        roles = self.of.roles(model).values()
        plan = self.of.additions(model, None)
        kinds = {one.kind for one in plan}
        if not kinds or not all(map(is_form, kinds)) or Role.SELECTED in roles:
            raise ValueError(
                'of: expected a method that only adds to linear maps, got '
                f'{self.of}. Choose another one.'
            )
        costs = [cost for _, cost in self._costs(model)]
        if not min(costs) <= self.budget <= sum(costs):
            raise ValueError(
                f'budget: expected {min(costs):,} to {sum(costs):,} added '
                f'values for {self.of}, got {self.budget:,}.'
            )


def _score(one: Added, scores: Mapping[str, Tensor]) -> float:
    """Sensitivity of a map: the sum over its entries."""
    rows = slice(*one.place.rows) if one.place.rows else slice(None)
    return float(scores[one.place.name][rows].sum(dtype=torch.float64))
