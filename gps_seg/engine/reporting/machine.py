# Copyright (c) gps_seg contributors. Apache-2.0.
"""Processor and memory of this machine, using only the standard library."""

import os
import platform
import re
import subprocess
from pathlib import Path

_CPUINFO = Path('/proc/cpuinfo')


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


def memory_gib() -> float | None:
    """Memory of the machine in GiB, or None if it is unknown."""
    try:
        pages, size = os.sysconf('SC_PHYS_PAGES'), os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, OSError, ValueError):  # Windows
        return None
    return round(pages * size / 2**30, 1)


def _linux_model() -> str:
    if not _CPUINFO.is_file():
        return ''
    text = _CPUINFO.read_text(encoding='utf-8', errors='replace')
    # ARM machines have no such line.
    found = re.search(r'^model name\s*:(.*)$', text, re.MULTILINE)
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
