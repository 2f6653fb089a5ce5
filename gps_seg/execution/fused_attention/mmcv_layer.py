# Copyright (c) gps_seg contributors. Apache-2.0.
"""The forward of MMCV's attention layer, for tokens that attend to themselves.

The layer swaps the first two axes of query, key and value one by one. So
``nn.MultiheadAttention`` gets three views of one tensor, does not see that
they are one, and projects them by three linear maps instead of one.
"""

from typing import Any

from torch import Tensor, nn


def forward(
    self: nn.Module,
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    identity: Tensor | None = None,
    *positions: Any,
    **others: Any,
) -> Tensor:
    """Outputs of the layer, of the shape of the query.

    It is the forward of the class for other keys or values, positions and
    masks.
    """
    given = any(one is not None for one in (*positions, *others.values()))
    is_self = all(one is None or one is query for one in (key, value))
    if given or not is_self:
        result: Tensor = type(self).forward(
            self, query, key, value, identity, *positions, **others
        )
        return result
    tokens = query.transpose(0, 1) if self.batch_first else query
    mixed, _ = self.attn(query=tokens, key=tokens, value=tokens)
    mixed = mixed.transpose(0, 1) if self.batch_first else mixed
    start = query if identity is None else identity
    outputs: Tensor = start + self.dropout_layer(self.proj_drop(mixed))
    return outputs
