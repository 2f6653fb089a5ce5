# Copyright (c) gps_seg contributors. Apache-2.0.
"""One visit to one row: its training steps, timed and counted."""

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.counters import count_step
from gps_seg.benchmark.inference import describe_tuned, flops_of
from gps_seg.benchmark.memory import watch_peak
from gps_seg.benchmark.methods import METHODS
from gps_seg.benchmark.settings import Settings
from gps_seg.benchmark.tasks.compilation import (
    read_compilation,
    start_compiling,
)
from gps_seg.benchmark.tasks.setting_up import (
    chosen_in,
    set_up,
    synchronize,
)
from gps_seg.execution import recompute_blocks, recompute_mlps


def measure(
    settings: Settings,
    method: str,
    selection: str | None,
    count: bool,
    options: Mapping[str, Any],
    attention: str,
    variant: str,
) -> dict[str, Any]:
    """Time the steps of a method; measure its memory; perhaps count.

    Args:
        settings: Settings of the run.
        method: Key of :data:`~gps_seg.benchmark.methods.METHODS`.
        selection: File of the selection of a method that uses it.
        count: Whether to count bytes and operations as well.
        options: Settings of the method.
        attention: One of :data:`~gps_seg.benchmark.rows.ATTENTIONS`.
        variant: One of :data:`~gps_seg.benchmark.rows.VARIANTS`.
    """
    if METHODS[method].requires is not None:
        importlib.import_module(METHODS[method].requires)
    device = torch.device(settings.device)
    load_what_loads_late(device)
    parts = variant.split('+')
    model, loss = set_up(settings, attention, with_cp='with_cp' in parts)
    chosen = chosen_in(selection)
    plain = flops_of(model.backbone, settings.size) if count else None
    peak = watch_peak(device)
    contender = METHODS[method].build(model, loss, chosen, **options)
    if 'mlps' in parts:
        recompute_mlps(model, ENCODER)
    if 'blocks' in parts:
        recompute_blocks(model, ENCODER)
    if settings.compile:
        start_compiling()
    for _ in range(settings.warmup):
        contender.step()
    seconds = [seconds_of(contender.step) for _ in range(settings.steps)]
    compiled_here = settings.compile and device.type == 'cpu'
    result = {
        'seconds': seconds,
        # The compiler's own memory is in the peak of the process.
        'peak': None if compiled_here else peak.read(),
        'compilation': read_compilation() if settings.compile else None,
        'num_threads': torch.get_num_threads(),
    }
    if plain is None:
        return result | {'counts': None, 'tuned_model': None}
    flops = flops_of(model.backbone, settings.size) / plain
    return result | {
        'counts': count_step(model, contender, settings.compile),
        'tuned_model': describe_tuned(model, contender, flops),
    }


def load_what_loads_late(device: torch.device) -> None:
    """Take a tiny step, so that lazy loading is not charged to a method."""
    layer = nn.Linear(8, 8).to(device)
    optimizer = AdamW(layer.parameters())
    layer(torch.ones(8, 8, device=device)).sum().backward()
    optimizer.step()


def seconds_of(step: Callable[[], object]) -> float:
    """Wall-clock seconds of one step, the GPU's work included."""
    synchronize()
    start = time.perf_counter()
    step()
    synchronize()
    return time.perf_counter() - start
