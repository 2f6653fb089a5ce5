# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained keys and values of one attention (E2VPT, Han et al., ICCV 2023).

The queries of all tokens also meet keys and values that no token has:
``softmax(Q [K; P_K]^T / sqrt(d)) [V; P_V]``. The output has as many tokens as
the input.

The attention is given as many more tokens as there are prompts, at the end of
the sequence. The packed projection is computed for the true tokens alone; the
prompts take the places of the other keys and values. The outputs of these
tokens are dropped.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.additions.addition import Addition
from gps_seg.additions.compilation import ComputedMaps, uncompiled
from gps_seg.additions.hosts import Handle
from gps_seg.sparse.interception import (
    Forgetting,
    PlainLinear,
    enter,
    find_rows,
    leave,
)

#: Arguments of an attention that are sequences of tokens.
_SEQUENCES = ('query', 'key', 'value', 'x')


class KeyValuePrompts(Addition):
    """Append keys and values to those of a self-attention.

    The host has one projection for queries, keys and values, in this order:
    ``nn.MultiheadAttention``, or an attention with a linear child ``qkv``.

    Args:
        shape: Number of prompts, and their width, which is that of all heads
            together.
        bound: The initial values are drawn from [-bound, bound].
        shared: Whether the values are the same as the keys.
    """

    def __init__(
        self, shape: tuple[int, int], bound: float, shared: bool
    ) -> None:
        super().__init__()
        self.number, self.width = shape
        self.keys = nn.Parameter(torch.empty(*shape))
        nn.init.uniform_(self.keys, -bound, bound)
        if not shared:
            self.values = nn.Parameter(torch.empty(*shape))
            nn.init.uniform_(self.values, -bound, bound)
        self.shared = shared
        # In a tuple, the host does not become a child of this module.
        self._host: tuple[nn.Module, ...] = ()
        self._computed = ComputedMaps()

    def hang(self, host: nn.Module) -> list[Handle]:
        """Lengthen the sequence before the host, shorten it behind it."""
        self._host = (host,)
        return [
            host.register_forward_pre_hook(self._lengthen, with_kwargs=True),
            host.register_forward_hook(self._leave, always_call=True),
            host.register_forward_hook(self._shorten),
            Forgetting(self),
        ]

    @uncompiled
    def linear(
        self,
        plain: PlainLinear,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor | None:
        """See :meth:`gps_seg.sparse.interception.Interceptor.linear`."""
        (host,) = self._host
        found = find_rows(weight, {self._projection(host)})
        if found is None:
            return None
        self._computed.note()
        # Inside, nn.MultiheadAttention has the tokens on the first axis.
        axis = 0 if isinstance(host, nn.MultiheadAttention) else 1
        length = inputs.shape[axis] - self.number
        outputs = plain(inputs.narrow(axis, 0, length), weight, bias)
        rows = slice(found[1].start, found[1].stop)
        prompts = self._packed()[:, rows].to(outputs.dtype).unsqueeze(1 - axis)
        batch = outputs.shape[1 - axis]
        shape = list(prompts.shape)
        shape[1 - axis] = batch
        return torch.cat([outputs, prompts.expand(shape)], axis)

    def _packed(self) -> Tensor:  # shape: (prompts, 3 * width)
        """Queries (none), keys and values of the prompts."""
        values = self.keys if self.shared else self.values
        return torch.cat([torch.zeros_like(values), self.keys, values], -1)

    def _projection(self, host: nn.Module) -> nn.Parameter:
        if isinstance(host, nn.MultiheadAttention):
            return host.in_proj_weight
        weight = host.get_submodule('qkv').weight
        assert isinstance(weight, nn.Parameter)
        return weight

    @uncompiled
    def _lengthen(
        self, host: nn.Module, args: Any, kwargs: Any
    ) -> tuple[Any, Any]:
        enter(self)
        known: dict[int, Tensor] = {}

        def longer(tokens: Tensor) -> Tensor:
            # One object stays one: attention looks whether query is key.
            if id(tokens) not in known:
                after = (0, 0) * (2 - self._axis(host)) + (0, self.number)
                known[id(tokens)] = F.pad(tokens, after)
            return known[id(tokens)]

        return (
            tuple(longer(a) if i < 3 else a for i, a in enumerate(args)),
            {
                n: longer(a) if n in _SEQUENCES else a
                for n, a in kwargs.items()
            },
        )

    @uncompiled
    def _leave(self, host: nn.Module, _args: Any, output: Any) -> None:
        leave(self)
        self._computed.check(host, output)

    @uncompiled
    def _shorten(self, host: nn.Module, _args: Any, output: Any) -> Any:
        axis = self._axis(host)

        def shorter(tokens: Tensor) -> Tensor:
            return tokens.narrow(axis, 0, tokens.shape[axis] - self.number)

        if isinstance(output, tuple):
            return (shorter(output[0]), *output[1:])
        return shorter(output)

    def _axis(self, host: nn.Module) -> int:
        """Axis of the tokens of what the host takes and returns."""
        return 1 if getattr(host, 'batch_first', True) else 0
