# Copyright (c) gps_seg contributors. Apache-2.0.
"""The page of one run, ``report.html``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from gps_seg.command_line.next_steps import next_commands
from gps_seg.files import write_text
from gps_seg.files.run_files import (
    CURVES_FILE,
    OVERLAYS_FILE,
    REPORT_FILE,
    SELECTION_MAP_FILE,
)
from gps_seg.sparse.summary import summarize_selection, total_row
from gps_seg.text.scores import by_class, overall
from gps_seg.visualization.pages.facts import RunFacts, read_facts
from gps_seg.visualization.pages.pictures import embedded
from gps_seg.visualization.pages.rendering import render

#: Parts of what trained, and their names on the page, in the order of the bar.
_PARTS: Mapping[str, str] = {
    'connections': 'selected connections',
    'biases': 'biases of the encoder',
    'added': 'added modules',
    'head': 'head',
    'other': 'other values of the encoder',
}
#: Facts of ``environment.json`` that the page shows, and their names.
_MACHINE: Mapping[str, str] = {
    'gps_seg': 'gps_seg',
    'git_commit': 'commit',
    'python': 'Python',
    'platform': 'system',
    'device': 'device',
    'cuda': 'CUDA',
    'cpu_cores': 'cores',
    'num_threads': 'threads',
    'memory_gib': 'memory (GiB)',
    'num_processes': 'processes',
    'seed': 'seed',
    'deterministic': 'deterministic',
    'started': 'started',
    'resumed': 'resumed',
    'command': 'command',
}


def write_run_page(work_dir: Path) -> Path:
    """Write ``report.html`` into a work directory, from the files there.

    The page has everything in it: styles, pictures and numbers. What a run
    did not write is left out, with a word.

    Args:
        work_dir: Work directory of a run.

    Returns:
        The file.

    Raises:
        NotADirectoryError: If there is no such folder.
        ValueError: If one of its files has another content.
        OSError: If the page cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_run_page(Path(folder)).name
        'report.html'
    """
    facts = read_facts(work_dir)
    page = render(
        'run.html.jinja',
        run=facts,
        seconds=duration(facts),
        parts=_parts(facts),
        **_scores(facts),
        **_selection(facts),
        curves=embedded(work_dir / CURVES_FILE),
        overlays=embedded(work_dir / OVERLAYS_FILE),
        config=_config_text(facts),
        data=facts.environment.get('data') or {},
        machine=_machine(facts.environment),
        packages=facts.environment.get('packages') or {},
        commands=_commands(facts),
    )
    path = work_dir / REPORT_FILE
    write_text(page, path)
    return path


def duration(facts: RunFacts) -> str:
    """Time that the run took, as ``0:01:30``; empty if unknown."""
    seconds = facts.environment.get('seconds')
    return '' if seconds is None else str(timedelta(seconds=round(seconds)))


def _parts(facts: RunFacts) -> list[tuple[str, int]]:
    """Name and number of values of each part that trained, if any."""
    trained = facts.trained
    parts = trained.get('parts')
    if parts:
        named = [(words, parts.get(n, 0)) for n, words in _PARTS.items()]
    else:  # written by an earlier version
        named = [
            (_PARTS['connections'], trained.get('selected', 0)),
            ('whole tensors', trained.get('whole', 0)),
        ]
    return [(words, number) for words, number in named if number]


def _scores(facts: RunFacts) -> dict[str, Any]:
    """The scores of the last validation, and of the weights to use."""
    best = facts.scores_of_weights
    scores = overall(facts.scores)
    kinds, classes = by_class(facts.scores)
    differs = any(best.get(name) != value for name, value in scores.items())
    return {
        'scores': scores,
        'best': overall(best) if best and differs else {},
        'kinds': kinds,
        'classes': classes,
    }


def _selection(facts: RunFacts) -> dict[str, Any]:
    selection = facts.selection
    rows = summarize_selection(selection) if selection else []
    return {
        'layers': [*rows, total_row(rows)] if rows else [],
        'selection_map': embedded(facts.work_dir / SELECTION_MAP_FILE),
    }


def _config_text(facts: RunFacts) -> str:
    if facts.config is None:
        return ''
    return facts.config.read_text(encoding='utf-8', errors='replace')


def _machine(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        words: environment[name]
        for name, words in _MACHINE.items()
        if environment.get(name) is not None
    }


def _commands(facts: RunFacts) -> dict[str, str]:
    if facts.config is None or facts.weights is None:
        return {}
    return next_commands(facts.work_dir, facts.config, facts.weights)
