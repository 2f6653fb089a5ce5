# Copyright (c) gps_seg contributors. Apache-2.0.
"""A benchmark from the command line: what ``tools/benchmark.py`` does."""

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from gps_seg.benchmark import (
    DEFAULT,
    Settings,
    as_json,
    check_architecture,
    format_tables,
    plot_benchmark,
    rows_of,
    run_rounds,
    select_once,
    summarize,
)
from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.files import write_json
from gps_seg.runs.overrides import parse_overrides


def benchmark(args: Namespace, report: Callable[[str], None]) -> str:
    """Measure the methods, and write numbers, picture and selections.

    Args:
        args: Command line of ``tools/benchmark.py``.
        report: Function that prints a line.

    Returns:
        The tables, and the name of the picture.

    Raises:
        RuntimeError: If no selection can be made.
        ValueError: If a setting is out of range.
    """
    settings = _settings(args)
    options = parse_overrides(args.method_options, '--method-options')
    rows = rows_of(args.methods or DEFAULT, args.k, options)
    out = args.out or Path('work_dirs', f'benchmark_{args.arch}')
    out.mkdir(parents=True, exist_ok=True)
    content = describe_environment() | {
        'cpu_count': os.cpu_count(),
        'settings': asdict(settings),
        'selections': select_once(settings, rows, out),
    }
    title = (
        f'{settings.arch}, {settings.size} x {settings.size} pixels, batch '
        f'{settings.batch}, float32, {settings.device}, '
        f'threads: {content["num_threads"]}'
    )
    report(title)
    for measurements in run_rounds(settings, rows, out, report):
        content['methods'] = as_json(measurements)
        write_json(content, out / 'benchmark.json')
    summaries = [s for s in map(summarize, measurements) if s is not None]
    picture = plot_benchmark(summaries, out / 'benchmark.png', title)
    return f'{format_tables(measurements)}\n{picture}'


def _settings(args: Namespace) -> Settings:
    return Settings(
        arch=args.arch,
        size=check_architecture(args.arch, args.size),
        batch=args.batch,
        device=args.device,
        steps=args.steps,
        rounds=args.rounds,
        checkpoint=args.checkpoint,
    )
