# Copyright (c) gps_seg contributors. Apache-2.0.
"""A benchmark from the command line: what ``tools/benchmark.py`` does."""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gps_seg.benchmark import (
    DEFAULT,
    Settings,
    as_json,
    check_architecture,
    figures_of,
    fixed_costs,
    format_costs,
    format_goals,
    format_inference,
    format_tables,
    ks_of,
    matched,
    outcomes,
    plot_benchmark,
    rows_of,
    run_rounds,
    select_once,
    serve_rounds,
    summarize,
)
from gps_seg.benchmark.goals import Outcome
from gps_seg.benchmark.rounds import Measurement
from gps_seg.benchmark.rows import Row
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
    rows = _rows(args)
    out = args.out or Path('work_dirs', f'benchmark_{args.arch}')
    out.mkdir(parents=True, exist_ok=True)
    content = describe_environment() | {
        'cpu_count': os.cpu_count(),
        'settings': asdict(settings),
        'selections': select_once(settings, rows, out),
    }
    title = _title(settings, content['num_threads'])
    report(title)
    rows, content['equal_sizes'] = matched(settings, rows, out)
    for sizes in content['equal_sizes']:
        report(
            '{method}: {setting}={value} trains {trained:,} values of the '
            'encoder, ours {trained_by_ours:,}'.format(**sizes)
        )
    content |= _beside_the_rows(args, settings, rows, out)
    for measurements in run_rounds(settings, rows, out, report):
        reached = _reached(settings, measurements, content)
        content['methods'] = as_json(measurements)
        content['goals'] = [
            o._asdict() | {'got': o.got._asdict(), 'met': o.is_met}
            for o in reached
        ]
        write_json(content, out / 'benchmark.json')
    summaries = [s for s in map(summarize, measurements) if s is not None]
    picture = plot_benchmark(summaries, out / 'benchmark.png', title)
    texts = [*_texts(settings, measurements, content, reached), str(picture)]
    return '\n\n'.join(texts)


def _reached(
    settings: Settings,
    measurements: list[Measurement],
    content: dict[str, Any],
) -> list[Outcome]:
    """What the run says about the goals so far."""
    beside = ('inference', 'selections', 'fixed_costs')
    figures = figures_of(measurements, *(content[name] for name in beside))
    return outcomes(settings, figures)


def _texts(
    settings: Settings,
    measurements: list[Measurement],
    content: dict[str, Any],
    reached: list[Outcome],
) -> Iterator[str]:
    """The tables, those without rows left out."""
    yield format_tables(measurements)
    if content['inference']:
        yield format_inference(content['inference'], settings.batch)
    if content['fixed_costs'] is not None:
        yield format_costs(content['fixed_costs'], _step_of_ours(measurements))
    if reached:
        yield format_goals(reached)


def _beside_the_rows(
    args: Namespace, settings: Settings, rows: list[Row], out: Path
) -> dict[str, Any]:
    """Inference, if wanted, and the fixed costs of ours, if measured."""
    ours = [row.k for row in rows if row.method == 'ours' and row.k]
    return {
        'inference': serve_rounds(settings, ks_of(rows)[0], out)
        if args.inference
        else {},
        'fixed_costs': fixed_costs(settings, ours[0], out) if ours else None,
    }


def _step_of_ours(measurements: list[Measurement]) -> float | None:
    """Seconds of a step of the row whose fixed costs are measured."""
    first = next(m for m in measurements if m.row.method == 'ours')
    summary = summarize(first)
    return None if summary is None else summary.seconds


def _rows(args: Namespace) -> list[Row]:
    rows = rows_of(
        args.methods or DEFAULT,
        args.k,
        parse_overrides(args.method_options, '--method-options'),
        attentions=args.attention,
        variants=args.variants,
        equal_sizes=args.equal_size,
    )
    if args.inference and not ks_of(rows):
        raise ValueError(
            'inference: expected a method that selects, whose delta is '
            f'applied, got {", ".join(args.methods)}. Add ours to --methods.'
        )
    return rows


def _title(settings: Settings, num_threads: int) -> str:
    return ', '.join(
        [
            f'{settings.arch}',
            f'{settings.size} x {settings.size} pixels',
            f'batch {settings.batch}',
            settings.precision,
            *(['compiled'] if settings.compile else []),
            settings.device,
            f'threads: {num_threads}',
        ]
    )


def _settings(args: Namespace) -> Settings:
    return Settings(
        arch=args.arch,
        size=check_architecture(args.arch, args.size),
        batch=args.batch,
        device=args.device,
        steps=args.steps,
        rounds=args.rounds,
        checkpoint=args.checkpoint,
        dtype=args.dtype,
        compile=args.compile,
        tf32=args.tf32,
    )
