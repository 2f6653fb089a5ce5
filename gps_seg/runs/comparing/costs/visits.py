# Copyright (c) gps_seg contributors. Apache-2.0.
"""Visits to the variants of a comparison of costs, and what they amount to."""

from pathlib import Path
from statistics import median
from typing import Any

from gps_seg.benchmark.processes import run_worker
from gps_seg.benchmark.results import paired

WORKER = 'gps_seg.runs.comparing.costs.worker'
#: Facts of the reference that stand for the whole comparison.
COMMON = ('threads', 'batch', 'size', 'precision')


def visit(variant: dict[str, Any], file: Path, steps: int) -> None:
    """Measure a variant for one round, in a process of its own.

    The first visit selects, and keeps the run after its selection beside the
    config; the others go on from there.

    Args:
        variant: Measurements of the variant; changed in place. One that has
            failed is not visited.
        file: Config of the variant, in a folder of its own.
        steps: Number of timed steps.
    """
    if 'error' in variant:
        return
    keep = file.with_name('selected.pth')
    selected = 'step_seconds' in variant and keep.is_file()
    task = {
        'config': str(file),
        'work_dir': str(file.parent),
        'steps': steps,
        'keep': str(keep),
        'selected': selected,
    }
    try:
        _add(variant, run_worker(task, WORKER))
    except RuntimeError as error:
        variant.clear()
        variant['error'] = str(error)


def _add(variant: dict[str, Any], costs: dict[str, Any]) -> None:
    """Add the result of a visit; what is counted once stays."""
    rounds = {
        'step_seconds': costs.pop('step_seconds'),
        'test_seconds': costs.pop('test_seconds'),
        'peaks': costs.pop('peak_bytes'),
    }
    for key, value in rounds.items():
        variant.setdefault(key, []).append(value)
    for key, value in costs.items():
        variant.setdefault(key, value)


def summarise_rounds(costs: dict[str, Any]) -> None:
    """Summarise the rounds of all variants, in place.

    Args:
        costs: Content of ``costs.json``.
    """
    variants = costs['variants']
    reference = variants[costs['reference']]
    costs.update({key: reference.get(key) for key in COMMON})
    for variant in variants.values():
        if 'error' not in variant:
            _summarise(variant, reference.get('step_seconds'))


def _summarise(variant: dict[str, Any], others: list[float] | None) -> None:
    """Medians of a variant, and its ratio to the other step times, if any."""
    ratio, span = None, None
    if others:
        ratio, *span = paired(variant['step_seconds'], others)
    peaks = [peak for peak in variant['peaks'] if peak is not None]
    variant.update(
        step_ratio=ratio,
        step_ratio_range=span,
        peak_bytes=round(median(peaks)) if peaks else None,
        test_milliseconds=1000 * median(variant['test_seconds']),
    )


def in_words(variant: dict[str, Any]) -> str:
    """The last visit to a variant in a few words."""
    if 'error' in variant:
        return str(variant['error'])
    return f'{1000 * variant["step_seconds"][-1]:.1f} ms a step'
