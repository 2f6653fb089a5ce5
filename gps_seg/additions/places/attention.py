# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recognise an attention layer by its projections.

``nn.MultiheadAttention`` owns the projections of q, k and v as parameters.
Other attention layers have a linear child for each, or one for several of
them: ``qkv``, or ``q`` and ``kv``.
"""

from collections.abc import Mapping

from torch import nn

#: Name of a linear child of an attention layer -> what it computes.
_PROJECTIONS: Mapping[str, str] = {
    'qkv': 'qkv',
    'q': 'q',
    'k': 'k',
    'v': 'v',
    'kv': 'kv',
    'q_proj': 'q',
    'k_proj': 'k',
    'v_proj': 'v',
    'query': 'q',
    'key': 'k',
    'value': 'v',
    'proj': 'proj',
    'out_proj': 'proj',
}

#: The sets of projections that feed an attention.
_INPUTS = ({'qkv'}, {'q', 'kv'}, {'q', 'k', 'v'})

#: Attention of MMPretrain whose ``qkv`` has the rows of q, k and v of the
#: first head, then those of the second head, and so on.
_INTERLEAVED = ('LeAttention', 'AttentionWithBias')


def projections(module: nn.Module) -> dict[str, str] | None:
    """The linear children of an attention layer that are its projections.

    Args:
        module: Any module.

    Returns:
        Name of the child -> one of ``'qkv'``, ``'q'``, ``'k'``, ``'v'``,
        ``'kv'``, ``'proj'``, and ``'other'`` for a packed projection whose
        rows are in another order than q, k, v. None if the module is no
        attention layer.

    Example:
        >>> projections(nn.MultiheadAttention(8, 2))
        {'out_proj': 'proj'}
        >>> print(projections(nn.Linear(8, 8)))
        None
    """
    if isinstance(module, nn.MultiheadAttention):
        return {'out_proj': 'proj'}
    found = {
        name: _PROJECTIONS[name]
        for name, child in module.named_children()
        if isinstance(child, nn.Linear) and name in _PROJECTIONS
    }
    if set(found.values()) - {'proj'} not in _INPUTS:
        return None
    if 'qkv' in found and not _is_stacked(module):
        found['qkv'] = 'other'
    return found


def attention_width(module: nn.Module) -> int | None:
    """Number of channels that an attention layer takes; None if it is none."""
    if isinstance(module, nn.MultiheadAttention):
        return int(module.embed_dim)
    for name, content in (projections(module) or {}).items():
        if content != 'proj':
            return _linear(module, name).in_features
    return None


def _is_stacked(module: nn.Module) -> bool:
    """Whether ``qkv`` has all rows of q first, then those of k and of v."""
    if type(module).__name__ in _INTERLEAVED:
        return False
    rows = _linear(module, 'qkv').out_features
    output = getattr(module, 'proj', None)
    width = output.in_features if isinstance(output, nn.Linear) else rows // 3
    return rows == 3 * width


def _linear(module: nn.Module, name: str) -> nn.Linear:
    child = module.get_submodule(name)
    assert isinstance(child, nn.Linear)
    return child
