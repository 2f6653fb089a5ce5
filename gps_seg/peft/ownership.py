# Copyright (c) gps_seg contributors. Apache-2.0.
"""The parameters that an optimizer steps."""

from collections.abc import Iterable, Mapping

from torch import nn
from torch.optim import Optimizer


def owned_by(optimizer: Optimizer) -> set[nn.Parameter]:
    """The parameters in the groups of an optimizer.

    Example:
        >>> import torch
        >>> layer = nn.Linear(2, 2)
        >>> optimizer = torch.optim.SGD([layer.weight], lr=0.1)
        >>> owned_by(optimizer) == {layer.weight}
        True
    """
    return {p for group in optimizer.param_groups for p in group['params']}


def check_all_owned(
    trained: Mapping[str, nn.Parameter], optimizers: Iterable[Optimizer]
) -> None:
    """Raise ValueError unless the optimizers own all of ``trained``."""
    owned = set().union(*map(owned_by, optimizers))
    missing = [name for name, p in trained.items() if p not in owned]
    if missing:
        raise ValueError(
            'optimizer: expected to own everything that trains, got one '
            f'without the trained values of {missing[:5]} ({len(missing)} in '
            'all). Build it from tuned.parameters(), not from '
            'model.parameters().'
        )
