# Copyright (c) gps_seg contributors. Apache-2.0.
"""Colour and marker of a variant, from the settings in its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from matplotlib.lines import Line2D

from gps_seg.sparse.budget import SCOPES
from gps_seg.sparse.scoring.criteria import SCORES
from gps_seg.visualization.palette import INK, MUTED, PALETTE

_MARKERS = 'osD^v'


class VariantStyle(NamedTuple):
    """Colours and markers for the variants of a study.

    Args:
        colours: Colour by score; empty if the scores do not differ.
        markers: Marker by scope; empty if the scopes do not differ.
    """

    colours: dict[str, str]
    markers: dict[str, str]

    def colour(self, name: str) -> str:
        """Colour of a variant; grey if only other variants have a score."""
        if not self.colours:
            return PALETTE[0]
        return self.colours.get(_setting(name, SCORES), MUTED)

    def marker(self, name: str) -> str:
        """Marker of a variant."""
        return self.markers.get(_setting(name, SCOPES), _MARKERS[0])

    def handles(self) -> list[Line2D]:
        """Legend entries: scores by colour, scopes by marker."""
        named = [
            *((name, c, _MARKERS[0]) for name, c in self.colours.items()),
            *((name, INK, mark) for name, mark in self.markers.items()),
        ]
        return [
            Line2D([], [], ls='', ms=6, color=colour, marker=mark, label=name)
            for name, colour, mark in named
        ]


def style_of(names: Sequence[str]) -> VariantStyle:
    """Choose colours by score and markers by scope, if these differ.

    Example:
        >>> style = style_of(['neuron gradient k=1', 'layer random k=1'])
        >>> list(style.colours), list(style.markers)
        (['gradient', 'random'], ['neuron', 'layer'])
        >>> style_of(['gps', 'full'])
        VariantStyle(colours={}, markers={})
    """
    scores, scopes = _differing(names, SCORES), _differing(names, SCOPES)
    return VariantStyle(
        dict(zip(scores, PALETTE, strict=False)),
        dict(zip(scopes, _MARKERS, strict=False)),
    )


def _differing(names: Sequence[str], values: Collection[str]) -> list[str]:
    found = dict.fromkeys(_setting(name, values) for name in names)
    found.pop('', None)
    return list(found) if len(found) > 1 else []


def _setting(name: str, values: Collection[str]) -> str:
    """The word of a name that is one of the values, or an empty text."""
    words = re.split(r'[\s=,:]+', name)
    return next((word for word in words if word in values), '')
