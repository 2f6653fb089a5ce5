# Copyright (c) gps_seg contributors. Apache-2.0.
"""Prune trained tokens by the gradients of gates (E2VPT, ICCV 2023)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor, nn

from gps_seg.additions import Added, plan_of
from gps_seg.additions.names import prefix_of
from gps_seg.sparse.budget import checked_finite
from gps_seg.sparse.checks import check_share
from gps_seg.sparse.topk import topk_per_row

#: Segments of a token, and the number that is left at least.
SEGMENTS, LEAST_SEGMENTS = 16, 4

_KIND, _TOKENS, _SEGMENTS = 'pruned_prompts', 'token_gates', 'segment_gates'
_Kept = list[tuple[int, list[int]]]


@dataclass(frozen=True)
class PromptPruning:
    """Which shares of the tokens of a block, and of their segments, are left.

    Args:
        keep_tokens: Share of the tokens of each block; one at least.
        keep_segments: Share of the 16 segments of each token; 4 at least.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.
    """

    keep_tokens: float
    keep_segments: float

    def __post_init__(self) -> None:
        check_share('keep_tokens', self.keep_tokens)
        check_share('keep_segments', self.keep_segments)

    @property
    def is_needed(self) -> bool:
        """Whether anything is pruned."""
        return min(self.keep_tokens, self.keep_segments) < 1

    def gated(self, one: Added) -> Added:
        """All tokens of a block, with gates."""
        everything = self._first(one, self._tokens_of(one), self._segments)
        settings = {**everything.settings, 'gated': True}
        return replace(everything, settings=settings)

    def pruned(self, one: Added, kept: _Kept | None) -> Added:
        """What is left of the tokens of a block.

        Args:
            one: The tokens.
            kept: Tokens and their segments, a value of :meth:`chosen`; None
                for the first ones.

        Raises:
            ValueError: If a token cannot be cut into segments.
        """
        if kept is None:
            tokens = self._number(self._tokens_of(one))
            return self._first(one, tokens, self._number_of_segments)
        return self._left(one, kept)

    def gates(self, model: nn.Module) -> list[str]:
        """Names of the gates in a model whose gradients are needed."""
        levels = [
            *[_TOKENS] * (self.keep_tokens < 1),
            *[_SEGMENTS] * (self.keep_segments < 1),
        ]
        return [
            prefix_of(one) + level
            for one in plan_of(model)
            if one.kind == _KIND
            for level in levels
        ]

    def chosen(
        self, model: nn.Module, importance: Mapping[str, Tensor]
    ) -> dict[str, _Kept]:
        """The tokens and segments with the largest importance.

        Among equal ones the first is chosen.

        Args:
            model: Model whose tokens have gates.
            importance: Importance of each gate, by :meth:`gates`.

        Returns:
            Name of each block -> tokens, each with its segments.

        Raises:
            ValueError: If a value is not finite, or all are zero.
        """
        if not any(
            bool(checked_finite(values, name).any())
            for name, values in importance.items()
        ):
            raise ValueError(
                'keep_tokens, keep_segments: expected gradients in the '
                f'prompts, got zeros in all {len(importance)} gates. A head '
                'that is initialised with zeros passes none: choose by '
                "loss=dict(type='contrastive'), or after a warm-up by "
                "loss=dict(type='task', warmup=60) (PeftHook)."
            )
        return {
            str(one.place): self._best(one, importance)
            for one in plan_of(model)
            if one.kind == _KIND
        }

    def _best(self, one: Added, importance: Mapping[str, Tensor]) -> _Kept:
        tokens = list(range(self._tokens_of(one)))
        if self.keep_tokens < 1:
            values = importance[prefix_of(one) + _TOKENS]
            (tokens,) = _largest(values[None], self._number(len(tokens)))
        segments = [list(range(self._segments))] * len(tokens)
        if self.keep_segments < 1:
            values = importance[prefix_of(one) + _SEGMENTS][tokens]
            segments = _largest(values, self._number_of_segments)
        return list(zip(tokens, segments, strict=True))

    @property
    def _segments(self) -> int:
        """Number of segments into which a token is cut."""
        return SEGMENTS if self.keep_segments < 1 else 1

    @property
    def _number_of_segments(self) -> int:
        if self.keep_segments == 1:
            return 1
        return max(LEAST_SEGMENTS, round(self.keep_segments * SEGMENTS))

    def _number(self, tokens: int) -> int:
        return max(1, round(self.keep_tokens * tokens))

    def _tokens_of(self, one: Added) -> int:
        number: int = one.settings['shape'][0]
        return number

    def _first(self, one: Added, tokens: int, segments: int) -> Added:
        """The first tokens, and the first segments of each."""
        own = list(range(segments))
        return self._left(one, [(token, own) for token in range(tokens)])

    def _left(self, one: Added, kept: _Kept) -> Added:
        width = one.settings['shape'][1]
        if width % self._segments:
            raise ValueError(
                f'keep_segments: expected tokens that {SEGMENTS} segments '
                f'divide, got width {width} ({one.place}). Leave it out; '
                'keep_tokens alone fits every width.'
            )
        settings = {
            **one.settings,
            'segments': self._segments,
            'kept': [[token, list(own)] for token, own in kept],
            'gated': False,
        }
        return Added(_KIND, one.place, settings)


def _largest(importance: Tensor, number: int) -> list[list[int]]:
    """Columns with the largest values of each row, in increasing order."""
    columns: list[list[int]] = topk_per_row(importance, number).tolist()
    return columns
