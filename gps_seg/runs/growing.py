# Copyright (c) gps_seg contributors. Apache-2.0.
"""How costs grow, from the command line: what ``tools/growth.py`` does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gps_seg.benchmark.growth import (
    Axes,
    Place,
    Results,
    as_json,
    format_growth,
    growth_of,
    measure_missing,
    plot_growth,
    points_of,
)
from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.files import write_json


def grow(
    axes: Axes,
    out: Path,
    place: Place,
    rate: float,
    report: Callable[[str], None],
) -> str:
    """Measure what is missing; write all numbers and the picture.

    Args:
        axes: Axes to measure.
        out: Folder of the results, new or of a run that was interrupted.
        place: Device, weights, and folder of the selections.
        rate: Rate that the outlook assumes, in 1e12 operations per second.
        report: Function that prints a line.

    Returns:
        The text of the results, and the name of the picture.

    Raises:
        RuntimeError: If nothing could be measured.
        ValueError: If the folder has results of another machine, or the rate
            is not positive.
    """
    if rate <= 0:
        raise ValueError(
            f'rate: expected a positive number of TFLOP/s, got {rate}.'
        )
    environment, conditions = describe_environment(), _conditions(place)
    file, points = out / 'growth.json', points_of(axes)
    results = _earlier(file, conditions)
    report(f'{len(points)} points, {len(results)} measured before')
    for latest in measure_missing(points, results, place, report):
        results = latest
        write_json(conditions | {'points': results}, file)
    if not results:
        raise RuntimeError(
            'points: expected one or more measurements, got none. The lines '
            'above have the reasons.'
        )
    growth = growth_of(axes, results)
    content = environment | conditions | {'points': results}
    write_json(content | as_json(growth, rate), file)
    title = f'Growth of costs: {_where(conditions)}, batch 1, float32'
    picture = plot_growth(
        axes, growth.curves, growth.steps, out / 'growth.png', title
    )
    return f'{format_growth(growth, rate)}\n{picture}'


def _conditions(place: Place) -> dict[str, Any]:
    """What must be the same when a run goes on."""
    machine = describe_environment()
    return {
        'device': machine['device'],
        'num_threads': machine['num_threads'],
        'torch': torch.__version__,
        'measured_on': place.device,
        'checkpoint': place.checkpoint,
    }


def _where(conditions: dict[str, Any]) -> str:
    threads = f'threads: {conditions["num_threads"]}'
    return f'{conditions["device"]}, {conditions["measured_on"]}, {threads}'


def _earlier(file: Path, conditions: dict[str, Any]) -> Results:
    """Results of a run that goes on; none for a new one."""
    if not file.is_file():
        return {}
    content = _read(file)
    for name, value in conditions.items():
        if content.get(name) != value:
            raise ValueError(
                f'out: expected results with {name} {value}, got '
                f'{content.get(name)} ({file}). Choose a new folder with '
                '--out, or go on as the run began.'
            )
    results: Results = content['points']
    return results


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except ValueError:
        content = None
    if not isinstance(content, dict) or 'points' not in content:
        raise ValueError(
            'out: expected results of this tool, got a damaged or foreign '
            f'file ({file}). Move it away, or choose a new folder with --out.'
        )
    return content
