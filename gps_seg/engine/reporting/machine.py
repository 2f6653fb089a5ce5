# Copyright (c) gps_seg contributors. Apache-2.0.
"""Processor and memory of this machine, using only the standard library."""

import os
import platform
import re
import subprocess
from pathlib import Path

_CPUINFO = Path('/proc/cpuinfo')
_MEMINFO = Path('/proc/meminfo')
#: Limit of a container and what it uses of it (version 2 of cgroups).
_LIMIT = Path('/sys/fs/cgroup/memory.max')
_USED = Path('/sys/fs/cgroup/memory.current')
#: Instructions by which bfloat16 is faster than float32.
_FAST_BFLOAT16 = ('amx_bf16', 'avx512_bf16')


def cpu_model() -> str:
    """Name of the processor, such as ``AMD EPYC 7B13``."""
    return (
        _linux_model() or _mac_model() or platform.processor()
    ).strip() or platform.machine()


def cpu_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fast_bfloat16() -> str | None:
    """Name of the processor's instructions for bfloat16; None without any."""
    flags = set(_cpuinfo('flags').split())
    return next((each for each in _FAST_BFLOAT16 if each in flags), None)


def memory_gib() -> float | None:
    """Memory of the machine in GiB, or None if it is unknown."""
    try:
        pages, size = os.sysconf('SC_PHYS_PAGES'), os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, OSError, ValueError):  # Windows
        return None
    return round(pages * size / 2**30, 1)


def available_memory() -> int | None:
    """Bytes that a program may take now, or None if that is unknown.

    In a container, what its limit leaves, if that is less (Linux).
    """
    if not _MEMINFO.is_file():
        return None
    found = re.search(r'^MemAvailable:\s+(\d+)', _MEMINFO.read_text(), re.M)
    free = [int(found[1]) * 1024] if found else []
    if _LIMIT.is_file() and _USED.is_file():
        limit = _LIMIT.read_text().strip()
        if limit.isdigit():  # or 'max'
            free.append(int(limit) - int(_USED.read_text()))
    return min(free, default=None)


def _linux_model() -> str:
    # ARM machines have no such line.
    return _cpuinfo('model name')


def _cpuinfo(key: str) -> str:
    if not _CPUINFO.is_file():
        return ''
    text = _CPUINFO.read_text(encoding='utf-8', errors='replace')
    found = re.search(rf'^{key}\s*:(.*)$', text, re.MULTILINE)
    return found[1] if found else ''


def _mac_model() -> str:
    if platform.system() != 'Darwin':
        return ''
    try:
        done = subprocess.run(
            ['sysctl', '-n', 'machdep.cpu.brand_string'],
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ''
    return done.stdout
