# Copyright (c) gps_seg contributors. Apache-2.0.
"""GRFT: whole rows or columns by gradient (Liu et al., arXiv 2507.00016).

In each weight the lines with the largest sum of squared gradients train. The
last blocks and everything outside the encoder are pulled towards their start
by a term ``penalty * |w - w_start|^2`` in the loss (L2-SP). The paper does not
state the penalty, so it has no default.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.peft.entries.selecting import SelectsEntries, amount_of
from gps_seg.peft.numbered_blocks import block_of, last_blocks
from gps_seg.sparse import Lines, Owned
from gps_seg.sparse.checks import check_positive, check_whole


@dataclass(frozen=True, kw_only=True)
class GRFT(SelectsEntries):
    """Train whole rows or columns.

    Exactly one of ``k`` and ``share`` is given.

    Args:
        k: Number of lines in each weight.
        share: Share of the lines of each weight, in (0, 1].
        unit: ``'row'``, all inputs of a neuron, or ``'column'``, one input of
            all neurons.
        penalty: Strength of the pull, 0 or more.
        last_blocks: Number of blocks to pull, from the end of the encoder.
        encoder: Name of the pretrained submodule, in which lines are
            selected.
        rules: Rows of the rule table above the standard ones.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> GRFT(k=1, unit='row', penalty=0.01, last_blocks=2).rule
        Lines(unit='row', amount=Connections(k=1))
    """

    k: int | None = None
    share: float | None = None
    unit: str
    penalty: float
    last_blocks: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive('penalty', self.penalty, or_zero=True)
        check_whole('last_blocks', self.last_blocks, least=0)

    @property
    def rule(self) -> Lines:
        """Lines of each weight, by the sum of squares."""
        amount = amount_of(k=self.k, share=self.share)
        return Lines(self.unit, amount)

    @property
    def criterion(self) -> str:
        """The gradient; ``Lines`` squares it."""
        return 'gradient'

    def check(self, weights: Mapping[str, Owned]) -> None:
        """Check the lines, and that the encoder has enough blocks."""
        super().check(weights)
        self._last_blocks({n: owned.parameter for n, owned in weights.items()})

    def pull(self, model: nn.Module) -> Mapping[str, float]:
        """Equal strength in the last blocks and outside the encoder."""
        if self.penalty == 0:
            return {}
        names = dict(model.named_parameters())
        last = self._last_blocks(names)
        return {
            name: self.penalty
            for name in names
            if not name.startswith(f'{self.encoder}.')
            or block_of(name, self.encoder) in last
        }

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """``last_blocks``, if there is no pull."""
        if self.penalty == 0 and self.last_blocks:
            return {'last_blocks': 'pulls nothing with penalty=0'}
        return {}

    def _last_blocks(
        self, parameters: Mapping[str, nn.Parameter]
    ) -> list[str]:
        return last_blocks(parameters, self.encoder, self.last_blocks, least=0)
