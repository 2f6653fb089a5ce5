# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the rules of a plan must know about the machine."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from mmengine.device import get_device

from gps_seg.engine.reporting.machine import (
    available_memory,
    cpu_cores,
    cpu_model,
    fast_bfloat16,
)


class Machine(NamedTuple):
    """Where a task is going to be trained.

    Args:
        device: Kind of the device, such as ``'cpu'`` or ``'cuda'``.
        name: Name of the processor or of the GPU.
        cores: Number of the processor's cores.
        free_bytes: Memory that can be taken on the device; None if unknown.
        half: Type of 16 bits in which the device is faster than in float32;
            None without one.
    """

    device: str
    name: str
    cores: int
    free_bytes: int | None
    half: str | None

    @classmethod
    def here(cls) -> Self:
        """The machine that runs this, with the device that MMEngine takes."""
        device = get_device()
        if device != 'cuda':
            half = 'bfloat16' if device == 'cpu' and fast_bfloat16() else None
            return cls(
                device, cpu_model(), cpu_cores(), available_memory(), half
            )
        free, _ = torch.cuda.mem_get_info()
        half = 'bfloat16' if torch.cuda.is_bf16_supported() else 'float16'
        name = torch.cuda.get_device_name()
        return cls(device, name, cpu_cores(), free, half)
