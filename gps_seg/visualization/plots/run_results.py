# Copyright (c) gps_seg contributors. Apache-2.0.
"""Results of runs, read from their work directories."""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gps_seg.files.run_files import ENVIRONMENT_FILE, TRAINED_FILE
from gps_seg.text import markdown
from gps_seg.text.dice_and_iou import require_possible_scores
from gps_seg.text.scores import METRICS
from gps_seg.text.short import method_text
from gps_seg.visualization.plots.comparison import MethodRun, plot_comparison
from gps_seg.visualization.plots.scalars import PathLike, read_history


class RunResult(NamedTuple):
    """Scores and cost of one finished run.

    Args:
        name: Method with its settings; runs of the same name differ in seed.
        seed: Seed of the run.
        metrics: Scores of the last validation, including :data:`METRICS`.
        trained: Values that the optimizer stepped.
        total: Values of all parameters of the model.
    """

    name: str
    seed: int
    metrics: dict[str, float]
    trained: int
    total: int

    @property
    def share(self) -> float:
        """Trained values as a share of all, in [0, 1]."""
        return self.trained / self.total


def read_run(work_dir: Path) -> RunResult:
    """Read the work directory of a run that had PeftHook and ReportHook.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the run has no validation, or not with these metrics,
            or its Dice and IoU cannot be of the same images.
    """
    trained = _read_json(work_dir / TRAINED_FILE)
    environment = _read_json(work_dir / ENVIRONMENT_FILE)
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    history = read_history(files[-1:])
    last = history.validation[-1] if history.validation else {}
    names = [name for name in history.metric_names() if name in last]
    check_metrics(names, work_dir)
    scores = {name: last[name] for name in names}
    require_possible_scores(scores, work_dir)
    return RunResult(
        method_text(trained['method']),
        environment['seed'],
        scores,
        trained['selected'] + trained['whole'],
        trained['all'],
    )


def check_metrics(names: Iterable[str], work_dir: PathLike) -> None:
    """Raise ValueError unless a validation returned all of :data:`METRICS`.

    Args:
        names: Metrics of the validation; empty if there was none.
        work_dir: Work directory of the run.
    """
    names = list(names)
    if not set(METRICS) <= set(names):
        raise ValueError(
            f'run: expected the metrics {", ".join(METRICS)}, got '
            f'{", ".join(names) or "no validation"} ({work_dir}). Only '
            'segmentors validated with DiceIoUMetric are compared; let the '
            'run reach its first validation.'
        )


def results_table(runs: Iterable[RunResult], metrics: Sequence[str]) -> str:
    """Markdown table with one row per method: mean and range over its seeds.

    ``% trained`` is the number of values that the optimizer steps, as a share
    of all values of the model's parameters.

    Args:
        runs: Runs in any order.
        metrics: Names of the scores to show.
    """
    by_name = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run)
    rows: list[list[str | int]] = [
        ['method', 'trained', '% trained', *metrics, 'seeds']
    ]
    for name, group in by_name.items():
        first = group[0]
        rows.append(
            [
                name,
                first.trained,
                f'{100 * first.share:.2f}',
                *[_mean_and_range(group, metric) for metric in metrics],
                ', '.join(str(run.seed) for run in group),
            ]
        )
    return markdown.table(rows)


def plot_results(runs: Iterable[RunResult], out: Path, metric: str) -> Path:
    """Plot a score of each run, and the share of what it trained.

    Args:
        runs: Runs, one or more, in the order of the plot.
        out: Name of the picture (.png, .svg or .pdf).
        metric: Name of the score.

    Returns:
        The path written.
    """
    rows = [
        MethodRun(run.name, run.metrics[metric], run.share) for run in runs
    ]
    return plot_comparison(rows, out, metric)


def _mean_and_range(group: Sequence[RunResult], metric: str) -> str:
    """The mean, and the range if there is more than one run."""
    values = [run.metrics[metric] for run in group]
    mean = f'{statistics.fmean(values):.1f}'
    if len(values) == 1:
        return mean
    return f'{mean} ({min(values):.1f} .. {max(values):.1f})'


def _read_json(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(
            f'run: expected {path}. Give the work directory of a run with '
            'PeftHook and ReportHook.'
        )
    return json.loads(path.read_text())
