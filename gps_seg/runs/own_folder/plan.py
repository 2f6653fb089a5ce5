# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rules that choose the settings of a training from data and machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from gps_seg.runs.own_folder.machine import Machine

#: Images of a step of the optimizer, as in the studies of this project.
BATCH = 8
#: Images by which a method selects: more change few choices.
SELECT_FROM = 480
#: Passes over the training images.
EPOCHS = 5
#: Validations of a training.
VALIDATIONS = 5
#: Most by which the sides of an image are enlarged for the network. Images of
#: 256 pixels did better at 336 than at 252 (docs/your_data.md).
ENLARGED = 4 / 3
#: Share of the free memory that a training step, or a validation, may take.
SHARE = 0.6
#: Copies of an image's logits that a validation holds: those of the network,
#: those at the size of the file, and what the softmax makes of them.
COPIES = 3


class Limits(NamedTuple):
    """What a kind of device trains in a sensible time.

    Args:
        side: Side of the largest square input, in pixels.
        fewest: Fewest steps.
        most: Most steps.
    """

    side: int
    fewest: int
    most: int


ON_CPU = Limits(side=336, fewest=550, most=2200)
ON_GPU = Limits(side=504, fewest=2200, most=22000)


@dataclass(frozen=True)
class Plan:
    """Settings of a training that follow from data and machine.

    Args:
        size: Height and width of the network's input, in pixels.
        batch: Images that are on the device at the same time.
        accumulation: Batches that are added up to one step.
        half: Type of 16 bits for matrix products; None for float32.
        steps: Steps of the optimizer.
        select_from: Images by which the method selects.
        val_batch: Images of a batch of the validation.
        most_pixels: Pixels above which an image is scored at a smaller size;
            None if all are scored at the size of their file.
    """

    size: tuple[int, int]
    batch: int
    accumulation: int
    half: str | None
    steps: int
    select_from: int
    val_batch: int
    most_pixels: int | None

    @property
    def iterations(self) -> int:
        """Iterations of the training: a step has several if it accumulates."""
        return self.steps * self.accumulation

    def with_steps(self, steps: int) -> Plan:
        """The same plan with another number of steps.

        Raises:
            ValueError: If there is none.
        """
        if steps < 1:
            raise ValueError(f'steps: expected 1 or more, got {steps}.')
        return replace(self, steps=steps)

    def with_smaller_batch(self) -> Plan:
        """The same steps with half the images on the device.

        Raises:
            ValueError: If there is only one image already.
        """
        if self.batch == 1:
            raise ValueError(
                'memory: expected room for one training image, got less. '
                'Choose a smaller --size or --encoder, or stop programs that '
                'use the memory.'
            )
        return replace(
            self, batch=self.batch // 2, accumulation=2 * self.accumulation
        )


def make_plan(
    sizes: Sequence[tuple[int, int]],
    num_classes: int,
    num_training: int,
    patch: int,
    machine: Machine,
    size: tuple[int, int] | None = None,
) -> Plan:
    """Choose the settings.

    Args:
        sizes: Height and width of each image, in pixels.
        num_classes: Number of classes.
        num_training: Number of training images.
        patch: Pixels of which both sides of the input are multiples.
        machine: Machine of the training.
        size: Height and width of the input; None for :func:`input_size`.

    Returns:
        The plan. A step sees :data:`BATCH` images. There are
        :data:`EPOCHS` passes over the training images, but no fewer and no
        more steps than the :class:`Limits` of the device. The method selects
        by :data:`SELECT_FROM` images, or by all.
    """
    limits = ON_CPU if machine.device == 'cpu' else ON_GPU
    val_batch, most_pixels = validation(sizes, num_classes, machine.free_bytes)
    batch = min(BATCH, num_training)
    epochs = math.ceil(EPOCHS * num_training / batch)
    return Plan(
        size=size or input_size(sizes, patch, limits.side),
        batch=batch,
        accumulation=1,
        half=machine.half,
        steps=min(max(epochs, limits.fewest), limits.most),
        select_from=min(SELECT_FROM, num_training),
        val_batch=val_batch,
        most_pixels=most_pixels,
    )


def input_size(
    sizes: Sequence[tuple[int, int]], patch: int, side: int
) -> tuple[int, int]:
    """Height and width of the input that all images are resized to.

    It has the shape of the median image, enlarged by a third, and no more
    pixels than a square of the given side. Both sides are rounded to multiples
    of a patch.

    Args:
        sizes: Height and width of each image, in pixels.
        patch: Pixels of which both sides are multiples.
        side: Side of the largest square, in pixels.

    Example:
        >>> input_size([(256, 256)], patch=14, side=336)
        (336, 336)
        >>> input_size([(720, 960)], patch=16, side=504)
        (432, 576)
    """
    height = median(height for height, _ in sizes)
    width = median(width for _, width in sizes)
    scale = min(ENLARGED, side / math.sqrt(height * width))
    return (_whole(height, scale, patch), _whole(width, scale, patch))


def _whole(pixels: float, scale: float, patch: int) -> int:
    """A scaled side in whole patches, one or more."""
    return max(1, round(pixels * scale / patch)) * patch


def validation(
    sizes: Sequence[tuple[int, int]], num_classes: int, free: int | None
) -> tuple[int, int | None]:
    """Images of a batch, and pixels of an image, that a validation can hold.

    Logits are resized to the size of the file, so that a validation may take
    more memory than a training step.

    Args:
        sizes: Height and width of each image, in pixels.
        num_classes: Number of classes.
        free: Memory that can be taken, in bytes; None if unknown.

    Returns:
        The number of images, and the most pixels or None for any number.
    """
    if free is None:
        return 1, None
    largest = max(height * width for height, width in sizes)
    per_pixel = 4 * COPIES * max(2, num_classes)
    pixels = int(SHARE * free) // per_pixel
    if pixels < largest:
        return 1, max(1, pixels)
    return min(BATCH, pixels // largest), None
