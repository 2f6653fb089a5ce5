# Copyright (c) gps_seg contributors. Apache-2.0.
"""Sensitivity-aware tuning, SPT (He et al., ICCV 2023).

The sensitivity of an entry is the sum over batches of its squared gradient. In
a linear map with many sensitive entries a module is added that trains fewer
values; elsewhere the sensitive entries themselves train. A vector with many of
them trains whole. How many entries count as sensitive follows from a budget.

Differences from the authors' code:

- the threshold is found by bisection, not taken from a grid;
- the modules have no dropout and no drop path, and updates of low rank start
  as those of LoRA do, not by Xavier's rule;
- weight decay pulls a selected entry towards zero, there towards its start.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import LinearMap
from gps_seg.peft.method import Choice, PeftMethod, TrainingPass
from gps_seg.peft.placing.competitors import (
    Competitor,
    competing_roles,
    competitors,
)
from gps_seg.peft.placing.sensitivity import sensitivities
from gps_seg.sparse import Evidence, Owned, Role, Selection
from gps_seg.sparse.checks import check_whole
from gps_seg.sparse.threshold import Group, least_budget, threshold_within


@dataclass(frozen=True, kw_only=True)
class SPT(PeftMethod, ABC):
    """Train sensitive entries, or a module where there are many of them.

    The pass over the training data ends after 16 batches.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        budget: Largest number of values that train inside the encoder.
        rank: Rank of the modules.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.
    """

    encoder: str = 'backbone'
    budget: int
    rank: int = 8

    evidence = Evidence.SQUARED_GRADIENT

    def __post_init__(self) -> None:
        check_whole('budget', self.budget, least=1)
        check_whole('rank', self.rank, least=1)

    @abstractmethod
    def module_at(self, one: LinearMap) -> Added:
        """The module for a linear map with many sensitive entries."""

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """Tensors that compete are ``SELECTED``, class tokens ``WHOLE``."""
        return competing_roles(model, self.encoder)

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Accept any model: :meth:`additions` checks it."""

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """The modules of the chosen maps; of all maps before the choice."""
        roles = self.roles(model)
        found = self._competitors(model, self.scored(model, roles))
        modules = [one.module for one in found if one.module is not None]
        if choice is None:
            self._check(model, found)
            return Plan(modules)
        chosen = choice.structure['modules']
        return Plan(one for one in modules if str(one.place) in chosen)

    def choose(
        self,
        model: nn.Module,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Choose as many sensitive entries as the budget allows."""
        found = self._competitors(model, weights)
        scores = sensitivities(passes)
        threshold = self._threshold(model, found, scores)
        masks = {name: score >= threshold for name, score in scores.items()}
        modules = _take_many(found, masks)
        some = {name: mask for name, mask in masks.items() if mask.any()}
        return Choice(Selection.from_masks(some), structure=modules)

    def _competitors(
        self, model: nn.Module, weights: Mapping[str, Owned]
    ) -> list[Competitor]:
        return list(competitors(model, self.encoder, weights, self.module_at))

    def _num_sure(self, model: nn.Module) -> int:
        """Number of values in the encoder that train in any case."""
        parameters = dict(model.named_parameters())
        return sum(
            parameters[name].numel()
            for name, role in self.roles(model).items()
            if role is Role.WHOLE and name.startswith(f'{self.encoder}.')
        )

    def _check(self, model: nn.Module, found: Sequence[Competitor]) -> None:
        """Raise ValueError unless the encoder can meet the budget."""
        kind = type(model.get_submodule(self.encoder)).__name__
        if not any(one.module for one in found):
            raise ValueError(
                'encoder: expected linear maps of attention or of an MLP in '
                f"'{self.encoder}' that can train, got none ({kind}). Tune "
                'this encoder by a method that trains what is there.'
            )
        least = self._num_sure(model) + 1
        most = least - 1 + sum(one.price.of(one.size) for one in found)
        if not least <= self.budget <= most:
            raise ValueError(
                f'budget: expected {least:,} to {most:,} trained values in '
                f"'{self.encoder}' ({kind}, rank {self.rank}), got "
                f'{self.budget:,}.'
            )

    def _threshold(
        self,
        model: nn.Module,
        found: Sequence[Competitor],
        scores: Mapping[str, Tensor],
    ) -> float:
        """Sensitivity from which an entry is sensitive."""
        groups = [Group(scores[o.name][o.rows], o.price) for o in found]
        sure = self._num_sure(model)
        least = sure + least_budget(groups)
        if self.budget < least:
            raise ValueError(
                f'budget: expected {least:,} or more trained values in '
                f"'{self.encoder}', got {self.budget:,}. The most sensitive "
                f'entries lie where {least - sure:,} values train together.'
            )
        return threshold_within(groups, self.budget - sure)


def _take_many(
    found: Sequence[Competitor], masks: Mapping[str, Tensor]
) -> dict[str, list[str]]:
    """Replace the masks where many entries won; list the modules instead."""
    modules = []
    for one in found:
        won = masks[one.name][one.rows]
        is_many = one.price.is_many(int(won.sum()))
        if one.module is None:
            if is_many or one.price.each == 0:
                won.fill_(is_many)
        elif is_many:
            won.fill_(False)
            modules.append(str(one.module.place))
    return {'modules': modules}
