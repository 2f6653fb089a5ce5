# Copyright (c) gps_seg contributors. Apache-2.0.
"""Salient channel tuning, SCT (Zhao et al., IJCV 2023), behind the MLP.

The channels with the largest outputs over the training data, in the last
linear map of each MLP, are mixed by a trained matrix. The choice needs no
gradient.

Of the paper's variants this is the one on the outputs of the MLP. There the
score of a channel is the norm of what the whole block returns, averaged over
the classes of the images; here it is the norm of the outputs of that map over
all tokens, as the images of a segmentation have no class.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import LinearMap, maps_among
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice, TrainingPass
from gps_seg.peft.selects_nothing import without_a_gradient
from gps_seg.sparse import (
    Evidence,
    Owned,
    Role,
    Selection,
    owned_parameters,
)
from gps_seg.sparse.budget import checked_finite
from gps_seg.sparse.checks import check_positive, check_share
from gps_seg.sparse.topk import topk_per_row


@dataclass(frozen=True, kw_only=True)
class SCT(AddsModules):
    """Mix the channels with the largest outputs of each MLP.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        share: Share of the channels of each MLP, in (0, 1]; 96 of 768 in the
            paper.
        scale: Factor of the mix.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> import torch
        >>> from gps_seg.peft import tune
        >>> block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> model = nn.ModuleDict({'backbone': nn.Sequential(block)})
        >>> x = torch.randn(1, 5, 8)
        >>> loss = lambda: model['backbone'](x).square().mean()
        >>> tune(model, SCT(share=0.5), losses=[loss], seed=0)
        Trainable(20 values: 0 selected entries, 20 in whole tensors)
    """

    share: float = 0.125
    scale: float = 1.0

    @property
    def evidence(self) -> Evidence:
        """Sums of squared outputs."""
        return Evidence.OUTPUT

    def __post_init__(self) -> None:
        check_share('share', self.share)
        check_positive('scale', self.scale)

    def scored(
        self, model: nn.Module, roles: Mapping[str, Role]
    ) -> dict[str, Owned]:
        """The weight of the last linear map of each MLP."""
        names = {one.weight for one in self._maps(model)}
        return {n: o for n, o in owned_parameters(model) if n in names}

    def choose(
        self,
        model: nn.Module,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Choose the channels with the largest norm over all tokens."""
        (sums,) = passes(self.evidence)
        chosen = {name: self._chosen(name, sums[name]) for name in weights}
        return Choice(Selection({}, {}), structure={'channels': chosen})

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """A mix behind each MLP; of its first channels before the choice."""
        return Plan(
            Added(
                'channel_mix',
                one.place,
                {
                    'channels': list(range(self._number(one.shape[0])))
                    if choice is None
                    else choice.structure['channels'][one.weight],
                    'scale': self.scale,
                },
            )
            for one in self._maps(model)
        )

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """Settings of a gradient: only outputs are looked at."""
        return without_a_gradient(given)

    def _maps(self, model: nn.Module) -> list[LinearMap]:
        return maps_among(model, self.encoder, ['fc2'])

    def _number(self, channels: int) -> int:
        return max(1, round(self.share * channels))

    def _chosen(
        self,
        name: str,
        squares: Tensor,  # shape: (channels,)
    ) -> list[int]:
        """The channels with the largest sums of squares."""
        if not bool(checked_finite(squares, name).any()):
            raise ValueError(
                f'score: expected outputs of {name}, got none, or only '
                'zeros. The encoder does not use this MLP: use a method '
                'that acts elsewhere.'
            )
        (best,) = topk_per_row(squares[None], self._number(len(squares)))
        found: list[int] = best.tolist()
        return found
