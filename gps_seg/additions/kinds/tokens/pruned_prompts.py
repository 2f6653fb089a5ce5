# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens of which parts are left (E2VPT, Han et al., ICCV 2023).

Each token is cut into segments of equal width. Some tokens are left, and some
segments of each; the other segments of a token that is left are zero, and no
parameters. All tokens are drawn before they are pruned, so that what is left
begins with the values that it has in the whole set.

Gates are factors of 1, one for each token and one for each of its segments.
The gradient of the loss with respect to a gate says how much its token or
segment matters. They are there to be scored, not to be trained.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gps_seg.additions.kinds.tokens.prompts import Prompts

#: A token and its segments, by their numbers.
Kept = tuple[int, Sequence[int]]


class PrunedPrompts(Prompts):
    """Insert what is left of some tokens before a block; remove it behind it.

    Args:
        shape: Number of tokens before the pruning, and their width.
        prefix: Number of class tokens before the patches.
        bound: The initial values are drawn from [-bound, bound].
        segments: Number of segments of a token.
        kept: Tokens that are left, in increasing order, each with the
            segments that are left of it; equally many for all.
        dropout: Probability to drop a value of a token.
        gated: Whether there are gates.

    Raises:
        ValueError: If there are no such tokens or segments.
    """

    columns: Tensor

    def __init__(
        self,
        shape: tuple[int, int],
        prefix: int,
        bound: float,
        segments: int,
        kept: Sequence[Kept],
        dropout: float,
        gated: bool,
    ) -> None:
        super().__init__(shape, prefix, bound, dropout)
        number, self.width = shape
        _check(number, self.width, segments, kept)
        left = [token for token, _ in kept]
        size = self.width // segments
        columns = [
            [segment * size + i for segment in own for i in range(size)]
            for _, own in kept
        ]
        self.register_buffer(
            'columns', torch.tensor(columns), persistent=False
        )
        values = self.tokens.detach()[left].gather(1, self.columns)
        self.tokens = nn.Parameter(values)  # shape: (left, columns left)
        self.gated = gated
        if gated:
            self.token_gates = nn.Parameter(torch.ones(len(kept)))
            shape_of_gates = len(kept), len(kept[0][1])
            self.segment_gates = nn.Parameter(torch.ones(shape_of_gates))

    def complete(self) -> Tensor:  # shape: (left, width)
        """What is left of the tokens, and zeros in the other segments."""
        values: Tensor = self.tokens
        if self.gated:
            gates = self.token_gates[:, None] * self.segment_gates
            size = values.shape[1] // gates.shape[1]
            values = values * gates.repeat_interleave(size, 1)
        nothing = values.new_zeros(len(values), self.width)
        return nothing.scatter(1, self.columns, values)


def _check(
    number: int, width: int, segments: int, kept: Sequence[Kept]
) -> None:
    if segments < 1 or width % segments:
        raise ValueError(
            f'segments: expected a number that divides the width {width}, '
            f'got {segments}.'
        )
    parts = [own for _, own in kept]
    if (
        not _increases([token for token, _ in kept], number)
        or not all(_increases(own, segments) for own in parts)
        or len({len(own) for own in parts}) != 1
    ):
        raise ValueError(
            f'kept: expected increasing tokens below {number}, each with '
            f'equally many increasing segments below {segments}, got '
            f'{str(list(kept))[:60]}.'
        )


def _increases(numbers: Sequence[int], stop: int) -> bool:
    """Whether there are numbers, in increasing order, from 0 to ``stop``."""
    legal = set(range(stop))
    return bool(numbers) and sorted(legal.intersection(numbers)) == [*numbers]
