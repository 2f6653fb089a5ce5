# Copyright (c) gps_seg contributors. Apache-2.0.
"""The last lines of a training: its results, and the next commands."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from mmengine.runner import Runner

from gps_seg.command_line.next_steps import next_commands, shown
from gps_seg.files.run_files import (
    BEST_DELTA_FILE,
    CURVES_FILE,
    DELTA_FILE,
    EMA_DELTA_FILE,
    OVERLAYS_FILE,
    REPORT_FILE,
    SELECTION_MAP_FILE,
)
from gps_seg.runs.console.header import log_file
from gps_seg.runs.console.scores import BestScore, format_scores
from gps_seg.runs.what_trained import what_trained

#: Files of weights and their descriptions; the one to use comes first.
_WEIGHTS: Mapping[str, str] = {
    BEST_DELTA_FILE: 'delta of the best validation',
    DELTA_FILE: 'delta of the last iteration',
    EMA_DELTA_FILE: 'delta of the averaged weights',
}
_PICTURES: Mapping[str, str] = {
    CURVES_FILE: 'loss and scores',
    OVERLAYS_FILE: 'validation images: worst, median, best',
    SELECTION_MAP_FILE: 'connections selected in each layer',
}


def summarize(runner: Runner, best: BestScore | None, seconds: float) -> str:
    """Scores, trained values, files and the next commands.

    Args:
        runner: Runner after its training.
        best: Best validation of the run; None if there was none.
        seconds: Duration of the run.
    """
    lines = [
        f'\nFinished in {timedelta(seconds=round(seconds))}.',
        *_scores(best),
        f'  trained  {what_trained(runner)}',
        f'  files    in {shown(runner.work_dir)}',
        *_files(runner),
        *_report(runner),
    ]
    weights = _weights(runner)
    if weights is not None:
        work_dir = Path(runner.work_dir)
        commands = next_commands(work_dir, config_file(runner), weights)
        lines += ['', 'Next', *(f'  {c}' for c in commands.values())]
    return '\n'.join(lines)


def _scores(best: BestScore | None) -> list[str]:
    if best is None or not best.last:
        return []
    lines = [f'  score    {format_scores(best.last, best.name)}']
    if best.name is None or best.value is None:
        return lines
    if best.last.get(best.name) == best.value:
        return [f'{lines[0]} (the best of the run)']
    where = f'at iteration {best.iteration}'
    if not best.iteration:
        where = 'before the run was resumed'
    return [*lines, f'  best     {best.name} {best.value:.2f} {where}']


def _files(runner: Runner) -> list[str]:
    """One line for each file: name, size, description."""
    work_dir = Path(runner.work_dir)
    rows = [
        (work_dir / name, words)
        for name, words in {**_WEIGHTS, **_PICTURES}.items()
    ]
    weights = _weights(runner)
    if weights is not None and weights.name not in _WEIGHTS:
        rows.insert(0, (weights, 'weights of the whole model'))
    rows += [
        (config_file(runner), 'config'),
        (log_file(runner), 'log'),
    ]
    rows = [(path, words) for path, words in rows if path.is_file()]
    names = [os.path.relpath(path, work_dir) for path, _ in rows]
    width = max(map(len, names), default=0)
    return [
        f'    {name:{width}}  {_size(path):>8}  {words}'
        for name, (path, words) in zip(names, rows, strict=True)
    ]


def _report(runner: Runner) -> list[str]:
    page = Path(runner.work_dir, REPORT_FILE)
    return [f'  report   {shown(page)}'] if page.is_file() else []


def _size(path: Path) -> str:
    kilobytes = path.stat().st_size / 1e3
    if kilobytes < 1000:
        return f'{kilobytes:.0f} kB'
    return f'{kilobytes / 1e3:.2f} MB'


def _weights(runner: Runner) -> Path | None:
    """The file of weights to use, from the best validation if possible."""
    work_dir = Path(runner.work_dir)
    for name in _WEIGHTS:
        if (work_dir / name).is_file():
            return work_dir / name
    info = runner.message_hub.runtime_info  # written by CheckpointHook
    named = info.get('best_ckpt') or info.get('last_ckpt')
    return Path(named) if named and Path(named).is_file() else None


def config_file(runner: Runner) -> Path:
    """The config that MMEngine wrote into the work directory."""
    name = runner.cfg.filename or f'{runner.timestamp}.py'
    return Path(runner.work_dir, Path(name).name)
