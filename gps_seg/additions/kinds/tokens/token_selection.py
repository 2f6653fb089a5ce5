# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tokens that skip the MLPs of an encoder (DyT).

Zhao et al., *Dynamic Tuning Towards Parameter and Inference Efficiency for
ViT Adaptation*, NeurIPS 2024. With the tokens ``h`` that enter the MLP of a
block, ``h = LN(x)``, a selector ``l = h w + b`` decides which of them pass it:

- in training, ``s = sigmoid((l + g) / 5)`` with the difference ``g`` of two
  Gumbel variables, and ``m = [s > 0.5]``, whose gradient is that of ``s``;
- otherwise ``m = [sigmoid(l) > 0.5]``, and the MLP gets only the tokens with
  ``m = 1``;
- ``x <- x + m * mlp(h)``; class tokens always have ``m = 1``;
- ``2 (mean(m) - rate)^2`` joins the loss; the mean is over all tokens of all
  blocks.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition
from gps_seg.additions.neighbours import neighbours_by_part

_TEMPERATURE = 5.0
_WEIGHT = 2.0


class TokenSelection(Addition):
    """Select the tokens that pass the MLPs of an encoder, its host.

    Args:
        mlps: Names of the MLPs in the encoder, without the residual sum.
        width: Number of channels of their tokens.
        prefix: Number of class tokens before the patches.
        rate: Share of tokens that should pass.
    """

    def __init__(
        self, mlps: Sequence[str], width: int, prefix: int, rate: float
    ) -> None:
        super().__init__()
        self.mlps = tuple(mlps)
        self.prefix = prefix
        self.rate = rate
        self.selectors = nn.ModuleList(nn.Linear(width, 1) for _ in self.mlps)
        self._selects = True
        self._is_inside = False
        self._shares: list[Tensor] = []

    def __getstate__(self) -> dict[str, Any]:
        # What is kept of a forward pass cannot be copied.
        return {**self.__dict__, '_shares': [], '_is_inside': False}

    def hang(self, host: nn.Module) -> Iterator[RemovableHandle]:
        """Select before each MLP, and put its outputs back behind it."""
        yield host.register_forward_pre_hook(self._enter)
        yield host.register_forward_hook(self._leave, always_call=True)
        for name, selector in zip(self.mlps, self.selectors, strict=True):
            mlp, skip = host.get_submodule(name), _Skip(self, selector)
            yield mlp.register_forward_pre_hook(skip.gather)
            yield mlp.register_forward_hook(skip.scatter)

    def beside(self, host: nn.Module) -> Mapping[str, nn.Parameter]:
        """Each selector beside the parameters of its MLP."""
        parts = {f'selectors.{i}': name for i, name in enumerate(self.mlps)}
        return neighbours_by_part(self, host, parts)

    def penalty(self) -> Tensor | None:
        """Distance of the share of passing tokens from the rate, squared."""
        if not self._shares:
            return None
        share = torch.stack(self._shares).mean()
        return _WEIGHT * (share - self.rate).square()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A context in which all tokens pass.

        The penalty is still that of the last forward pass before it.
        """
        self._selects = False
        try:
            yield
        finally:
            self._selects = True

    def mask(
        self,
        tokens: Tensor,  # shape: (batch, ..., width)
        selector: nn.Module,
    ) -> Tensor | None:  # shape: (batch, ...)
        """Which tokens pass.

        Returns:
            Zeros and ones with a gradient in training, otherwise booleans;
            None if all pass.

        Raises:
            RuntimeError: If an activation checkpoint runs the MLP again. It
                cannot be known for which pass, and the penalty would have no
                gradient.
        """
        if self.training and not self._is_inside:
            raise RuntimeError(
                'additions: expected an encoder that keeps what its backward '
                'pass needs, got one that recomputes a part of itself, in '
                'which tokens are selected. Switch its checkpointing off '
                "(with_cp, recompute='blocks')."
            )
        if not self._selects:
            return None
        logits: Tensor = selector(tokens).squeeze(-1)
        mask = _drawn(logits) if self.training else logits > 0
        first = torch.ones_like(mask[:, : self.prefix])
        mask = torch.cat([first, mask[:, self.prefix :]], dim=1)
        if self.training:
            self._shares.append(mask.mean())
        return mask

    def _enter(self, _host: nn.Module, _args: Any) -> None:
        self._is_inside = True
        if self._selects:
            self._shares = []

    def _leave(self, _host: nn.Module, _args: Any, _output: Any) -> None:
        self._is_inside = False


def _drawn(logits: Tensor) -> Tensor:
    """Zeros and ones, drawn; their gradient is that of a soft decision."""
    noise = torch.logit(torch.rand_like(logits, dtype=torch.float32), 1e-6)
    soft = torch.sigmoid((logits + noise) / _TEMPERATURE)
    return (soft > 0.5) + (soft - soft.detach())


class _Skip:
    """The hooks of one MLP."""

    def __init__(self, selection: TokenSelection, selector: nn.Module) -> None:
        self._selection, self._selector = selection, selector
        self._mask: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_mask': None}

    def gather(self, _mlp: nn.Module, args: tuple[Tensor, ...]) -> Any:
        (tokens,) = args
        self._mask = self._selection.mask(tokens, self._selector)
        if self._mask is None or self._selection.training:
            return None
        return (tokens[self._mask],)  # shape: (kept, width)

    def scatter(self, _mlp: nn.Module, _args: Any, output: Tensor) -> Any:
        mask, self._mask = self._mask, None
        if mask is None:
            return None
        if self._selection.training:
            return output * mask.unsqueeze(-1).to(output.dtype)
        filled = output.new_zeros(*mask.shape, output.shape[-1])
        filled[mask] = output
        return filled
