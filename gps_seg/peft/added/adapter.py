# Copyright (c) gps_seg contributors. Apache-2.0.
"""Adapter: a bottleneck behind each MLP (Pfeiffer et al., EACL 2021).

``h <- h + U f(D h + d) + u``, where ``h`` is the output of the MLP before it
is added to the residual stream.

The row "Adapter" of the tables of VPT, SSF, SPT and GPS is
``init='vpt_zero'``: all values are zero at the start. Then the gradients of
``D``, ``d`` and ``U`` are zero and remain so, and only ``u`` learns. So that
row is the score of one trained bias for each block.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.activations import activation_of
from gps_seg.additions.bottlenecks import INITIAL_VALUES
from gps_seg.additions.places import LinearMap, blocks
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_among, check_whole


@dataclass(frozen=True, kw_only=True)
class Adapter(AddsModules):
    """Add a bottleneck behind the MLP of each block of a frozen encoder.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: Width of the bottlenecks; None for the width of the block,
            divided by ``reduction``.
        reduction: Divisor of the width of the block; 8 if neither it nor a
            rank is given.
        activation: ``'gelu'``, ``'relu'`` or ``'silu'``.
        init: Initial values. ``'zero_up'``: ``U`` and the biases are zero,
            ``D`` is uniform (Xavier). ``'near_zero'``: both matrices are
            normal with a standard deviation of 0.01, cut off at two of these.
            ``'xavier'``: both are uniform, and the biases normal with 1e-6.
            ``'vpt_zero'``: everything is zero, so that only ``u`` learns.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range, or there are both a rank and a
            reduction.

    Example:
        >>> from gps_seg.peft import tune
        >>> layer = nn.TransformerEncoderLayer(16, 2, 32)
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Sequential(layer), 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, Adapter(reduction=4), losses=[], seed=0)
        Trainable(182 values: 0 selected entries, 182 in whole tensors)
    """

    behind: ClassVar[Sequence[str]] = ('fc2',)

    rank: int | None = None
    reduction: int | None = None
    activation: str = 'gelu'
    init: str = 'zero_up'

    def __post_init__(self) -> None:
        if self.rank is not None and self.reduction is not None:
            raise ValueError(
                'rank, reduction: expected one of them, got '
                f'rank={self.rank} and reduction={self.reduction}.'
            )
        for key in ('rank', 'reduction'):
            if getattr(self, key) is not None:
                check_whole(key, getattr(self, key), least=1)
        activation_of(self.activation)
        check_among('init', self.init, INITIAL_VALUES)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """A bottleneck behind each of the maps."""
        names = {'activation': self.activation, 'init': self.init}
        return Plan(
            Added('bottleneck', one.place, {'rank': self._rank(one), **names})
            for one in self._maps(model)
        )

    def cautions(self, model: nn.Module) -> Iterator[str]:
        """Warn of zeros that remain zeros."""
        if self.init == 'vpt_zero':
            yield (
                "init='vpt_zero': only the biases of the maps out of the "
                'bottlenecks learn, the gradients of all other added values '
                'are zero. This is for comparison with published tables.'
            )

    def _rank(self, one: LinearMap) -> int:
        return self.rank or max(one.shape[0] // (self.reduction or 8), 1)

    def _maps(self, model: nn.Module) -> Iterator[LinearMap]:
        """The maps whose outputs the bottlenecks take."""
        found = blocks(model, self.encoder)
        maps = [block.map(kind) for block in found for kind in self.behind]
        if not maps or None in maps:
            kind = type(model.get_submodule(self.encoder)).__name__
            raise ValueError(
                'encoder: expected blocks with linear maps of the kinds '
                f"{list(self.behind)}, got {kind} ('{self.encoder}'), "
                f'{"with blocks of others" if maps else "without blocks"}. '
                'Tune this encoder by a method that trains what is there.'
            )
        yield from filter(None, maps)
