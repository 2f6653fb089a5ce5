# Copyright (c) gps_seg contributors. Apache-2.0.
"""The forward of SAM's attention, with relative positions by row and column.

The bias of a query at ``(i, j)`` and a key at ``(m, n)`` is a sum of two
products (Li et al., MViTv2, CVPR 2022, eq. 4; Kirillov et al., Segment
Anything, ICCV 2023)::

    s q_ij . k_mn + q_ij . R_im + q_ij . C_jn

With ``r_ij[m] = q_ij . R_im`` and ``c_ij[n] = q_ij . C_jn`` this is one
product, of ``[s q, r, c]`` and ``[k, onehot(m), onehot(n)]``. So a fused
kernel can do it, and no matrix of tokens x tokens is formed. The longer
queries and keys are computed again in the backward pass: only q, k, v and the
outputs are kept for it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.execution.fused_attention.product_gradient import attend
from gps_seg.execution.recomputation.kept import (
    is_transformed,
    keep_channels,
    keep_instead,
)
from gps_seg.execution.recomputation.recipes import Recipe

#: Kernels of GPUs take multiples of this number of channels.
_MULTIPLE = 8


def forward(
    self: nn.Module,
    x: Tensor,  # shape: (batch, height, width, channels)
) -> Tensor:  # shape: (batch, height, width, channels)
    """Outputs of the layer."""
    height, width = x.shape[1:3]
    qkv = self.qkv(x).flatten(1, 2).unflatten(-1, (3, self.num_heads, -1))
    # Each of shape (batch, heads, tokens, d).
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    if self.use_rel_pos:
        rows = _relative(self.rel_pos_h, height).to(q.dtype)
        columns = _relative(self.rel_pos_w, width).to(q.dtype)
        mixed = _attend(q, k, v, rows, columns, self.scale)
    else:
        mixed = attend(q, k, v, scale=self.scale)
    mixed = mixed.transpose(1, 2).flatten(2).unflatten(1, (height, width))
    outputs: Tensor = self.proj(mixed)
    return outputs


def _relative(
    table: Tensor,  # shape: (positions, d)
    size: int,
) -> Tensor:  # shape: (size, size, d)
    """Entries of a table by the places of query and key along one axis.

    A table for grids of another size is interpolated.
    """
    number = 2 * size - 1
    if len(table) != number:
        table = F.interpolate(table.T[None], number, mode='linear')[0].T
    places = torch.arange(size, device=table.device)
    return table[places[:, None] - places + size - 1]


def _attend(
    q: Tensor,  # shape: (batch, heads, tokens, d), as k and v
    k: Tensor,
    v: Tensor,
    rows: Tensor,  # shape: (height, height, d)
    columns: Tensor,  # shape: (width, width, d)
    scale: float,
) -> Tensor:  # shape: (batch, heads, tokens, d)
    grid = len(rows), len(columns)
    recipes = [
        (_Query(), q, {'rows': rows, 'columns': columns, 'scale': scale}),
        (_Key(), k, {'grid': grid}),
        (_Value(), v, {'grid': grid}),
    ]
    query, key, value = (
        module(source, **settings) for module, source, settings in recipes
    )
    mixed = attend(query, key, value, scale=1.0)
    if mixed.requires_grad and not is_transformed():
        made = [Recipe(*recipe) for recipe in recipes]
        keep_instead(mixed, *zip((query, key, value), made, strict=True))
        keep_channels(mixed, v.shape[-1])
    return mixed[..., : v.shape[-1]]


class _Query(nn.Module):
    """Queries, longer by their products with the positions."""

    def forward(
        self, q: Tensor, rows: Tensor, columns: Tensor, scale: float
    ) -> Tensor:  # shape: (batch, heads, tokens, channels)
        places = q.unflatten(-2, (len(rows), len(columns)))
        by_row = torch.einsum('...ijd,imd->...ijm', places, rows)
        by_column = torch.einsum('...ijd,jnd->...ijn', places, columns)
        return _joined(
            q * scale, by_row.flatten(-3, -2), by_column.flatten(-3, -2)
        )


class _Key(nn.Module):
    """Keys, longer by codes of their row and their column."""

    def forward(
        self, k: Tensor, grid: tuple[int, int]
    ) -> Tensor:  # shape: (batch, heads, tokens, channels)
        height, width = grid
        rows = torch.eye(height, dtype=k.dtype, device=k.device)
        columns = torch.eye(width, dtype=k.dtype, device=k.device)
        return _joined(
            k, rows.repeat_interleave(width, 0), columns.repeat(height, 1)
        )


class _Value(nn.Module):
    """Values, with zeros for as many channels as queries and keys have."""

    def forward(
        self, v: Tensor, grid: tuple[int, int]
    ) -> Tensor:  # shape: (batch, heads, tokens, channels)
        return _joined(v, v.new_zeros(1, sum(grid)))


def _joined(*parts: Tensor) -> Tensor:
    """Parts side by side, with zeros up to a multiple of channels."""
    rest = -sum(part.shape[-1] for part in parts) % _MULTIPLE
    shape = parts[0].shape[:-1]
    zeros = parts[0].new_zeros(1, rest)
    return torch.cat([p.expand(*shape, -1) for p in (*parts, zeros)], -1)
