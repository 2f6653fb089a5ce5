# Copyright (c) gps_seg contributors. Apache-2.0.
"""The environment of a run: what is needed to repeat it or to compare it."""

import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

import gps_seg
from gps_seg.engine.reporting.machine import cpu_cores, cpu_model, memory_gib
from gps_seg.stack import ONEDL_DISTS, OPENMMLAB_DISTS

DISTRIBUTIONS = (
    'torch',
    'torchvision',
    'numpy',
    'opencv-python',
    'opencv-python-headless',
    'albumentations',
    'safetensors',
    *ONEDL_DISTS,
    *OPENMMLAB_DISTS,
)


def describe_environment() -> dict[str, Any]:
    """Versions, machine, code and command line of this process, as JSON."""
    return {
        'gps_seg': gps_seg.__version__,
        'git_commit': git_commit(Path(gps_seg.__file__).parent),
        'command': shlex.join([sys.executable, *sys.argv]),
        'python': platform.python_version(),
        'platform': platform.platform(),
        'packages': installed_versions(),
        'cuda': torch.version.cuda,
        'device': device_name(),
        'cpu': cpu_model(),
        'cpu_cores': cpu_cores(),
        'num_threads': torch.get_num_threads(),
        'memory_gib': memory_gib(),
    }


def installed_versions() -> dict[str, str]:
    """Version of each of :data:`DISTRIBUTIONS` that is installed."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def device_name() -> str:
    """Name of the GPU that torch uses, or of the processor."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return cpu_model()


def git_commit(folder: Path) -> str | None:
    """Commit of the checkout that ``folder`` is part of.

    It ends in ``-dirty`` if tracked files were changed. It is None without
    git, and if ``folder`` is not tracked, such as an installed copy inside
    someone's checkout.
    """
    try:
        _git(folder, 'ls-files', '--error-unmatch', '__init__.py')
        commit = _git(folder, 'rev-parse', 'HEAD')
        changed = _git(folder, 'status', '--porcelain', '-uno')
    except (OSError, subprocess.SubprocessError):
        return None
    return f'{commit}-dirty' if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ['git', '-C', str(folder), *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=10,
    )
    return done.stdout.strip()
