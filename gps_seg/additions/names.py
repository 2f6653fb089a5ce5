# Copyright (c) gps_seg contributors. Apache-2.0.
"""Where an addition is in a model, and how its tensors are called."""

from itertools import pairwise

from gps_seg.additions.hosts import CHILD
from gps_seg.additions.kinds import ADDITIONS
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.plan import Added


def is_form(kind: str) -> bool:
    """Whether additions of a kind are at a weight, not at a module.

    Raises:
        ValueError: If there is no such kind.
    """
    if kind not in ADDITIONS:
        raise ValueError(
            f'additions: expected a kind among {sorted(ADDITIONS)}, got '
            f'{kind!r}. Is it from a later version of gps_seg?'
        )
    return issubclass(ADDITIONS[kind], LinearForm)


def host_of(one: Added) -> str:
    """Name of the module that hosts an addition; empty for the root."""
    name = one.place.name
    return name.rpartition('.')[0] if is_form(one.kind) else name


def key_of(one: Added) -> str:
    """Name of an addition among those of its host.

    Example:
        >>> from gps_seg.additions import Place
        >>> key_of(Added('low_rank', Place('attn.in_proj_weight', (0, 4))))
        'low_rank_in_proj_weight_0_4'
    """
    attribute = one.place.name.rpartition('.')[2]
    if not attribute.endswith('weight') or attribute == 'weight':
        attribute = ''
    return '_'.join(
        filter(None, [one.kind, attribute, *map(str, one.place.rows or ())])
    )


def prefix_of(one: Added) -> str:
    """Start of the names of an addition's tensors in the model."""
    return '.'.join(filter(None, [host_of(one), CHILD, key_of(one)])) + '.'


def is_added(name: str) -> bool:
    """Whether a tensor was added to a model, as far as its name says.

    It is for state dicts alone: a module of the encoder can have such a name.
    With a model ask :func:`gps_seg.additions.hosts.added_names`, and with a
    plan :func:`prefix_of`.

    Args:
        name: Name of a tensor in a model.

    Example:
        >>> is_added('backbone.fc.added.low_rank.a')
        True
        >>> is_added('backbone.added.weight')
        False
    """
    parts = name.split('.')[:-1]
    return any(
        child == CHILD and key.startswith(tuple(ADDITIONS))
        for child, key in pairwise(parts)
    )
