# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the highest scores, with the same rule for ties on every device."""

from collections.abc import Mapping

import torch
from torch import Tensor


def topk_per_row(
    score: Tensor,  # shape: (rows, columns)
    k: int,
) -> Tensor:  # shape: (rows, columns), bool
    """Mark the ``k`` highest scores of each row.

    Among equal scores the lower index wins: all entries above the k-th largest
    score win, and the remaining places go to the first entries equal to it.
    (``torch.topk`` itself leaves ties to the backend.)

    Args:
        score: Importance of each entry; larger is more important.
        k: Entries per row, ``1 <= k <= columns``.

    Raises:
        ValueError: If ``k`` is out of range.

    Example:
        >>> topk_per_row(torch.tensor([[1., 3., 3.], [4., 0., 5.]]), k=1)
        tensor([[False,  True, False],
                [False, False,  True]])
    """
    if not 1 <= k <= score.shape[1]:
        raise ValueError(
            f'k: expected 1 <= k <= {score.shape[1]}, got {k}. A row has '
            f'{score.shape[1]} scores.'
        )
    kth = score.topk(k, dim=1).values[:, -1:]
    above = score > kth
    tied = score == kth
    places = k - above.sum(dim=1, keepdim=True)
    return above | (tied & (tied.cumsum(dim=1, dtype=torch.int32) <= places))


def topk_of_all(
    scores: Mapping[str, Tensor],  # of any shapes
    k: int,
) -> dict[str, Tensor]:  # of the same shapes, bool
    """Mark the ``k`` highest scores of all tensors together.

    Among equal scores the first tensor wins, and within it the lower index.

    Raises:
        ValueError: If ``k`` is out of range.
    """
    flat = torch.cat([score.flatten() for score in scores.values()])
    chosen = topk_per_row(flat[None], k)[0]
    parts = chosen.split([score.numel() for score in scores.values()])
    return {
        name: part.view_as(scores[name])
        for name, part in zip(scores, parts, strict=True)
    }
