# Copyright (c) gps_seg contributors. Apache-2.0.
"""The cost of a model at test time: operations and time of an image."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from mmengine.model import BaseModel
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gps_seg.benchmark.tasks.training import seconds_of


def flops_of_image(model: BaseModel, batch: Mapping[str, Any]) -> int:
    """Floating-point operations of the first image of a batch.

    The whole model counts, from image to prediction. A multiplication and an
    addition are two operations. Matrix products, convolutions and attention
    count; elementwise functions, norms and resizing do not.

    Args:
        model: Model in evaluation mode.
        batch: Batch of a validation loader.
    """
    # The fused kernels of CPUs are unknown to the counter.
    with (
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        model.test_step(first_image(batch))
    return int(counter.get_total_flops())


def first_image(batch: Mapping[str, Any]) -> dict[str, Any]:
    """A batch of the first image alone."""
    return {key: values[:1] for key, values in batch.items()}


def seconds_per_image(
    model: BaseModel, batches: Sequence[Mapping[str, Any]]
) -> float:
    """Seconds of an image from its pixels to its prediction: a median.

    The images are tested one at a time, and without loading and scoring.

    Args:
        model: Model in evaluation mode.
        batches: Batches of a validation loader, two or more; the first only
            warms up.
    """
    seconds = []
    for image in map(first_image, batches):
        seconds.append(seconds_of(partial(model.test_step, image)))
    return median(seconds[1:])
