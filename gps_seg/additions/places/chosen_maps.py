# Copyright (c) gps_seg contributors. Apache-2.0.
"""The linear maps of an encoder that a method or a user names by kind."""

from collections.abc import Collection, Sequence

from torch import nn

from gps_seg.additions.places.linear_maps import KINDS, LinearMap, linear_maps


def choose_maps(
    model: nn.Module, encoder: str, on: Sequence[str]
) -> list[LinearMap]:
    """The linear maps of some kinds, in module order.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.
        on: Kinds, or ``('all',)`` for all kinds but ``'other'``.

    Raises:
        ValueError: If the model has no such child, a name is no kind, or the
            encoder has no map of a kind.

    Example:
        >>> model = nn.ModuleDict({'encoder': nn.MultiheadAttention(4, 2)})
        >>> [one.rows for one in choose_maps(model, 'encoder', ['q', 'v'])]
        [(0, 4), (8, 12)]
    """
    maps = linear_maps(model, encoder)
    there = [kind for kind in KINDS if any(one.kind == kind for one in maps)]
    known = [kind for kind in there if kind != 'other']
    names = list(on) if isinstance(on, Sequence) else []
    wanted = known if names == ['all'] else names
    is_some = bool(wanted) and all(name in there for name in wanted)
    if isinstance(on, str) or not is_some:
        kind = type(model.get_submodule(encoder)).__name__
        raise ValueError(
            'on: expected kinds of linear maps that the encoder has, got '
            f"{on!r} ('{encoder}', {kind}). {_choice(there)}"
        )
    return [one for one in maps if one.kind in wanted]


def maps_among(
    model: nn.Module, encoder: str, kinds: Collection[str]
) -> list[LinearMap]:
    """The linear maps of some kinds, in module order.

    An encoder may lack some of them, such as one without attention.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.
        kinds: Kinds of linear maps.

    Raises:
        ValueError: If the model has no such child, or it has none of them.

    Example:
        >>> model = nn.ModuleDict({'encoder': nn.MultiheadAttention(4, 2)})
        >>> [one.kind for one in maps_among(model, 'encoder', ['k', 'fc2'])]
        ['k']
    """
    maps = linear_maps(model, encoder)
    found = [one for one in maps if one.kind in kinds]
    if not found:
        kind = type(model.get_submodule(encoder)).__name__
        raise ValueError(
            f'encoder: expected linear maps of the kinds {sorted(kinds)} in '
            f"'{encoder}' ({kind}), got {sorted({one.kind for one in maps})}. "
            'Choose another method for this encoder.'
        )
    return found


def _choice(there: list[str]) -> str:
    if not there:
        return 'It has no linear maps; take a method that needs none.'
    every = '' if there == ['other'] else ", or ('all',) for all but 'other'"
    return f'Choose from {there}{every}.'
