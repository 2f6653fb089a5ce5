# Copyright (c) gps_seg contributors. Apache-2.0.
"""The activation functions of what is added, by name."""

from collections.abc import Callable, Mapping

import torch.nn.functional as F
from torch import Tensor

from gps_seg.sparse.checks import check_among

#: The names are in files: they must not change.
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    'relu': F.relu,
    'gelu': F.gelu,
    'silu': F.silu,
}


def activation_of(name: str) -> Callable[[Tensor], Tensor]:
    """The function of a name.

    Raises:
        ValueError: If there is no such function; the names are listed.
    """
    check_among('activation', name, ACTIVATIONS)
    return ACTIVATIONS[name]
