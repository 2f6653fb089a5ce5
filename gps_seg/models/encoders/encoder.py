# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is known about a pretrained encoder by its name."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Encoder:
    """A pretrained encoder, and the backbone that it is in a config.

    Args:
        name: Name by which it is found.
        title: Name for people.
        backbone: Settings of ``model.backbone``, without the size of images.
        channels: Number of channels of each feature map.
        patch: Number that divides the height and the width of the images.
        one_size: Whether it is built for images of one size.
        mean: Mean of the pixels in pretraining, red, green and blue, 0 to
            255.
        std: Their standard deviation.
        weights: Checkpoint of its weights, such as ``weights://NAME``.
        licence: Identifier of the licence of the weights on the Hugging Face
            hub, such as ``apache-2.0``; None if it is not known.

    Example:
        >>> from gps_seg.models.encoders import find_encoder
        >>> encoder = find_encoder('vit-small-p14_dinov2')
        >>> encoder.channels, encoder.patch, encoder.licence
        ((384, 384, 384, 384), 14, 'apache-2.0')
        >>> encoder.backbone_for((252, 252))['img_size']
        (252, 252)
    """

    name: str
    title: str
    backbone: Mapping[str, Any]
    channels: tuple[int, ...]
    patch: int
    one_size: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights: str
    licence: str | None

    def backbone_for(self, size: tuple[int, int]) -> dict[str, Any]:
        """Settings of the backbone for images of a size.

        Args:
            size: Height and width.

        Raises:
            ValueError: If :attr:`patch` does not divide it.
        """
        if any(side <= 0 or side % self.patch for side in size):
            raise ValueError(
                f'size: expected multiples of {self.patch} pixels for '
                f'{self.name}, got {size[0]} x {size[1]}. Take '
                f'{" x ".join(str(self._near(side)) for side in size)}.'
            )
        settings = copy.deepcopy(dict(self.backbone))
        return settings | ({'img_size': size} if self.one_size else {})

    def _near(self, side: int) -> int:
        return max(1, round(side / self.patch)) * self.patch
