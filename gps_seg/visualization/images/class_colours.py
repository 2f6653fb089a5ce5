# Copyright (c) gps_seg contributors. Apache-2.0.
"""Label maps of many classes, each class in its own colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.patches import Patch

OPACITY = 0.6
UNKNOWN_GREY = 150
MOST_NAMES = 14


@dataclass(frozen=True)
class ClassColours:
    """Names and colours of three or more classes, in the order of labels.

    Args:
        names: Names of the classes.
        colours: Red, green and blue of each class, 0 to 255.

    Raises:
        ValueError: If there is not one colour per name.

    Example:
        >>> classes = ClassColours(('a', 'b'), ((0, 0, 0), (250, 0, 0)))
        >>> grey = np.full((1, 1, 3), 100, np.uint8)
        >>> classes.paint(grey, np.array([[1]])).tolist()
        [[[190, 40, 40]]]
    """

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colours):
            raise ValueError(
                f'colours: expected {len(self.names)}, one per class, got '
                f'{len(self.colours)}.'
            )

    @classmethod
    def from_metainfo(cls, metainfo: Mapping[str, Any]) -> ClassColours | None:
        """Names and colours of a data set.

        Args:
            metainfo: ``classes`` and ``palette`` of the data set.

        Returns:
            The classes. None if there are only two, which are an object and
            its background, or if the data set has no colours.
        """
        names = tuple(metainfo.get('classes') or ())
        colours = tuple(map(tuple, metainfo.get('palette') or ()))
        if len(names) < 3 or len(names) != len(colours):
            return None
        return cls(names, colours)

    def paint(
        self,
        image: np.ndarray,  # shape: (height, width, 3)
        labels: np.ndarray,  # shape: (height, width)
    ) -> np.ndarray:  # shape: (height, width, 3)
        """Lay the colours of the classes over an image.

        Labels that do not belong to a class, such as 255, are grey.
        """
        known = labels < len(self.names)
        table = np.array([*self.colours], np.float32)
        layer = np.full(image.shape, UNKNOWN_GREY, np.float32)
        layer[known] = table[labels[known]]
        painted = (1 - OPACITY) * image + OPACITY * layer
        return painted.round().astype(np.uint8)

    def legend(self, maps: Iterable[np.ndarray]) -> list[Patch]:
        """Legend entries of the classes that occur, the largest first."""
        num = len(self.names)
        areas = sum(
            np.bincount(labels.ravel(), minlength=num)[:num] for labels in maps
        )
        present = [i for i in np.argsort(-areas, kind='stable') if areas[i]]
        handles = [
            Patch(
                facecolor=[value / 255 for value in self.colours[i]],
                label=self.names[i],
            )
            for i in present[:MOST_NAMES]
        ]
        rest = len(present) - len(handles)
        if rest:
            handles.append(Patch(facecolor='none', label=f'and {rest} more'))
        return handles
