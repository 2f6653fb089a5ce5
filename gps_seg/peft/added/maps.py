# Copyright (c) gps_seg contributors. Apache-2.0.
"""The linear maps that a method names, as far as an encoder has them."""

from collections.abc import Collection

from torch import nn

from gps_seg.additions.places import LinearMap, linear_maps


def maps_among(
    model: nn.Module, encoder: str, kinds: Collection[str]
) -> list[LinearMap]:
    """The linear maps of some kinds, in module order.

    Unlike :func:`gps_seg.additions.places.choose_maps` this takes encoders
    that lack some of the kinds, such as those without attention.

    Args:
        model: Model with the encoder.
        encoder: Name of the encoder in it.
        kinds: Kinds of linear maps.

    Raises:
        ValueError: If the encoder has none of them.
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
