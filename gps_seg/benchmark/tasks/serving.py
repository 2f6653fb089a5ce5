# Copyright (c) gps_seg contributors. Apache-2.0.
"""Inference: the host as shipped, fused, and with a delta applied."""

import torch

from gps_seg.benchmark.architectures import forward_of, synthetic_batch
from gps_seg.benchmark.settings import Settings
from gps_seg.benchmark.tasks.setting_up import set_up
from gps_seg.benchmark.tasks.some_delta import some_delta
from gps_seg.benchmark.tasks.training import seconds_of
from gps_seg.delta import apply
from gps_seg.sparse import Selection

#: Label in tables -> attention of the host, and whether a delta is applied.
SERVED = {
    'inference shipped': ('shipped', False),
    'inference fused': ('fused', False),
    'inference fused + delta': ('fused', True),
}


def serve(settings: Settings, selection: str) -> dict[str, list[float]]:
    """Time the forward pass of one batch; the rows take turns.

    Args:
        settings: Settings of the run.
        selection: File of the selection that the delta changes.

    Returns:
        Seconds of each timed pass, by the labels in :data:`SERVED`.
    """
    images, _ = synthetic_batch(
        settings.size, settings.batch, settings.seed + 1
    )
    forwards = {}
    for label, (attention, has_delta) in SERVED.items():
        model = set_up(settings, attention)[0].eval()
        if has_delta:
            apply(model, some_delta(model, Selection.load(selection)))
        forwards[label] = forward_of(
            model,
            images,
            half=settings.dtype == 'bfloat16',
            compiled=settings.compile,
        )
    seconds: dict[str, list[float]] = {label: [] for label in SERVED}
    with torch.no_grad():
        for number in range(settings.warmup + settings.steps):
            for label, forward in forwards.items():
                spent = seconds_of(forward)
                if number >= settings.warmup:
                    seconds[label].append(spent)
    return seconds
