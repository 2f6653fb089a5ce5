# Copyright (c) gps_seg contributors. Apache-2.0.
"""The bias beside a weight."""

from collections.abc import Mapping

from torch import Tensor

from gps_seg.sparse import Role


def bias_beside(
    name: str, parameters: Mapping[str, Tensor], roles: Mapping[str, Role]
) -> str | None:
    """Name of the bias of the same module that trains whole, or None.

    Args:
        name: Name of a weight, such as ``'fc.weight'``, or
            ``'attn.in_proj_weight'``.
        parameters: Parameters of the model, by name.
        roles: Role of every parameter, by name.

    Example:
        >>> from torch import nn
        >>> layer = nn.Linear(2, 3)
        >>> roles = {'weight': Role.SELECTED, 'bias': Role.WHOLE}
        >>> bias_beside('weight', dict(layer.named_parameters()), roles)
        'bias'
    """
    bias = f'{name.removesuffix("weight")}bias'
    if not name.endswith('weight') or roles.get(bias) is not Role.WHOLE:
        return None
    rows = parameters[name].shape[:1]
    return bias if parameters[bias].shape == rows else None
