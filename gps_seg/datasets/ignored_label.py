# Copyright (c) gps_seg contributors. Apache-2.0.
"""The label of pixels that neither the loss nor the metrics count."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

#: Label that MMSegmentation ignores unless a config names another.
IGNORED = 255


def ignored_label(model: Any) -> int:
    """The label that the loss of a segmentor ignores.

    Args:
        model: Segmentor, or its settings in a config.

    Returns:
        ``ignore_index`` of its (last) decode head; ``IGNORED`` if it has
        none.
    """
    head = _part(model, 'decode_head')
    if isinstance(head, (list, tuple, nn.ModuleList)):
        head = head[-1]
    label = _part(head, 'ignore_index')
    return IGNORED if label is None else int(label)


def with_unknown(
    labels: np.ndarray,  # shape: (height, width), integers
    ignored: int,
) -> np.ndarray:  # shape: (height, width)
    """Replace the ignored label by ``IGNORED``, which is never a class."""
    return np.where(labels == ignored, IGNORED, labels).astype(np.uint8)


def _part(whole: Any, name: str) -> Any:
    if isinstance(whole, Mapping):
        return whole.get(name)
    return getattr(whole, name, None)
