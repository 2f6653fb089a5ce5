# Copyright (c) gps_seg contributors. Apache-2.0.
"""The demo from the first image to the last picture."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from torch import nn

from gps_seg.delta import Delta
from gps_seg.engine import build_base
from gps_seg.files.run_files import DELTA_FILE, SELECTION_MAP_FILE
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.demo.hospitals import (
    HOSPITALS,
    Place,
    draw_images,
    plot_hospitals,
)
from gps_seg.runs.side_by_side.held_out import (
    HeldOut,
    ScoreMatrix,
    median_rows,
    score_matrix,
)
from gps_seg.runs.side_by_side.live_switch import LiveSwitch, switch_live
from gps_seg.runs.side_by_side.quiet_runs import (
    Run,
    plot_predictions,
    plot_runs,
    train_quietly,
    validate_quietly,
)
from gps_seg.visualization import plot_prediction_grid

#: Name of a method in tables and pictures -> its config, for hospital A.
METHODS = {
    'linear': 'linear',
    'bias': 'bias',
    'random': 'gps_random',
    'gps': 'gps',
    'full': 'full',
}
#: What can be on the base.
NOTHING, DELTA_A, DELTA_B = 'nothing', 'delta A', 'delta B'
FULL_A = 'full tuning A'
#: What is on the base -> config of the run that wrote the file.
WRITTEN_BY = {DELTA_A: 'gps', DELTA_B: 'gps_dye', FULL_A: 'full'}
#: Hospital -> what is on the base there.
AT_HOME = {'source': NOTHING, 'A': DELTA_A, 'B': DELTA_B}


class Outcome(NamedTuple):
    """Results of the demo.

    Args:
        runs: Runs at hospital A by method; ``before`` is the base.
        matrix: Scores by what is on the base, then by hospital.
        sizes: Size of each file in bytes, by what is on the base.
        switched: Base with delta A, then delta B, then neither.
        pictures: Description of each picture, by path.
    """

    runs: dict[str, Run]
    matrix: ScoreMatrix
    sizes: dict[str, int]
    switched: LiveSwitch
    pictures: dict[Path, str]


def play(place: Place, say: Callable[[str], None] = print) -> Outcome:
    """Draw the images, tune, score, switch, and plot.

    Args:
        place: Folders that the demo reads and writes.
        say: Function that prints a line of progress.

    Raises:
        FileExistsError: If a folder of images contains something else.
    """
    lights = ', '.join(f'{h.name} ({h.light})' for h in HOSPITALS)
    say(f'Hospitals: {lights}.')
    say(f'Drawing images in {place.work_dir / "data"} ...')
    draw_images(place)
    say('Tuning the base for A by five methods, then for B by GPS ...')
    runs = {'before': score_base(place)}
    for method, name in METHODS.items():
        runs[method] = _train(place, method, name)
    _train(place, 'gps at B', 'gps_dye')
    files = {
        state: place.work_dir / name / DELTA_FILE
        for state, name in WRITTEN_BY.items()
    }
    deltas = {state: Delta.load(path) for state, path in files.items()}
    matrix, grid = _score(place, {NOTHING: None, **deltas})
    return Outcome(
        runs=runs,
        matrix=matrix,
        sizes={state: path.stat().st_size for state, path in files.items()},
        switched=switch_live(_base(place), deltas[DELTA_A], deltas[DELTA_B]),
        pictures=_plot(place, runs, grid),
    )


def _train(place: Place, label: str, name: str) -> Run:
    config = place.config(name)
    # Overlays of each run would take a tenth of the time; the demo draws them
    # side by side.
    config.default_hooks.report.num_examples = 0
    return train_quietly(label, config)


def score_base(place: Place) -> Run:
    """The base at hospital A, before any tuning."""
    config = place.config('gps')
    config.work_dir = str(place.work_dir / 'before')
    config.custom_hooks = [dict(type='StrictCheckpointHook')]
    config.default_hooks.checkpoint = None  # DeltaHook needs a training
    return validate_quietly('before', config)


def _base(place: Place) -> nn.Module:
    with quiet():
        return build_base(place.config('gps'))


def _score(
    place: Place, deltas: Mapping[str, Delta | None]
) -> tuple[ScoreMatrix, Path]:
    """Score each delta at each hospital, and draw some predictions."""
    model = _base(place)
    data = {h.name: HeldOut(place.config(h.config)) for h in HOSPITALS}
    matrix = score_matrix(model, deltas, data)
    shown = {state: deltas[state] for state in AT_HOME.values()}
    rows = median_rows(model, shown, data, matrix, AT_HOME)
    return matrix, plot_prediction_grid(
        rows, place.work_dir / 'predictions.png'
    )


def _plot(place: Place, runs: dict[str, Run], grid: Path) -> dict[Path, str]:
    """Draw the other pictures; returns the description of each, by path."""
    out, rows = place.work_dir, [*runs.values()]
    domains = plot_hospitals(place, out / 'domains.png')
    methods = plot_predictions(rows, runs['gps'], out / 'methods.png')
    comparison = plot_runs(rows, out / 'comparison.png')
    selection = out / 'gps' / SELECTION_MAP_FILE
    return {
        domains: 'images of the three hospitals',
        grid: 'an image of each, without delta, with A, with B',
        methods: 'worst, median, best image at A, by method',
        comparison: 'score at A and trained share, by method',
        selection: 'connections that GPS selected for A',
    }
