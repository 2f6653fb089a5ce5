# Copyright (c) gps_seg contributors. Apache-2.0.
"""Peak memory of this process or its GPU, above a starting point."""

import ctypes
import gc
from pathlib import Path
from typing import Protocol

import torch

KIB = 1024


class PeakMemory(Protocol):
    """A measurement that starts when the object is created."""

    def read(self) -> int | None:
        """Peak in bytes above the starting point; None if unknown."""


class CudaPeak:
    """Peak of torch's allocations on the current GPU."""

    def __init__(self) -> None:
        gc.collect()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        self.start = torch.cuda.memory_allocated()

    def read(self) -> int | None:
        """See :class:`PeakMemory`."""
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - self.start


class ProcessPeak:
    """Peak of the resident memory of this process (Linux).

    The kernel's high-water mark is reset first. If that is not allowed, the
    mark of the whole process counts, which is the same unless it needed more
    memory earlier.
    """

    def __init__(self) -> None:
        gc.collect()
        _give_back_freed_memory()
        _reset_high_water_mark()
        self.start = _status_bytes('VmRSS')

    def read(self) -> int | None:
        """See :class:`PeakMemory`."""
        peak = _status_bytes('VmHWM')
        if peak is None or self.start is None:
            return None
        return peak - self.start


def watch_peak(device: torch.device) -> PeakMemory:
    """Start to watch the memory of ``device``."""
    return CudaPeak() if device.type == 'cuda' else ProcessPeak()


def _give_back_freed_memory() -> None:
    """Return freed memory to the kernel, so that new memory is counted."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)


def _reset_high_water_mark() -> None:
    try:
        Path('/proc/self/clear_refs').write_text('5')
    except OSError:
        return


def _status_bytes(key: str) -> int | None:
    status = Path('/proc/self/status')
    if not status.is_file():
        return None
    for line in status.read_text().splitlines():
        if line.startswith(f'{key}:'):
            return int(line.split()[1]) * KIB
    return None
