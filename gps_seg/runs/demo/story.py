# Copyright (c) gps_seg contributors. Apache-2.0.
"""The demo from the first image to the last picture."""

from pathlib import Path
from typing import NamedTuple

from gps_seg.delta import Delta
from gps_seg.engine.testing.task_model import build_base
from gps_seg.runs.console import quiet
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
from gps_seg.visualization.prediction_grid import plot_prediction_grid

#: Name in tables and pictures -> config: the methods that are tuned for A.
METHODS = {
    'linear': 'linear',
    'bias': 'bias',
    'random': 'gps_random',
    'gps': 'gps',
    'full': 'full',
}
NOTHING, DELTA_A, DELTA_B, FULL_A = (
    'nothing',
    'delta A',
    'delta B',
    'full tuning A',
)
#: State of the base -> config of the run that wrote its delta.
DELTAS = {DELTA_A: 'gps', DELTA_B: 'gps_dye', FULL_A: 'full'}
#: Hospital -> state of the base whose median image is shown.
AT_HOME = {'source': NOTHING, 'A': DELTA_A, 'B': DELTA_B}


class Outcome(NamedTuple):
    """What the demo found.

    Args:
        runs: Methods at hospital A by name; ``before`` is the base.
        matrix: Scores by state of the base, then by hospital.
        sizes: Bytes of the file of each state; none for the base alone.
        switched: The base with delta A, then delta B, then neither.
        pictures: What each picture shows, by path.
    """

    runs: dict[str, Run]
    matrix: ScoreMatrix
    sizes: dict[str, int]
    switched: LiveSwitch
    pictures: dict[Path, str]


def play(place: Place) -> Outcome:
    """Draw, tune, score, switch, and draw pictures; print the progress.

    Raises:
        FileExistsError: If a folder of images holds something else.
    """
    print(f'Drawing images in {place.work_dir / "data"} ...', flush=True)
    draw_images(place)
    print('Tuning the base for A by five methods ...', flush=True)
    runs = {'before': score_base(place)}
    for name, config in METHODS.items():
        runs[name] = train_quietly(name, place.config(config))
    print('Tuning the base for B by GPS ...', flush=True)
    train_quietly('gps at B', place.config('gps_dye'))
    print('Scoring each delta at each hospital ...', flush=True)
    return _outcome(place, runs)


def score_base(place: Place) -> Run:
    """The base at hospital A, before any tuning."""
    config = place.config('gps')
    config.work_dir = str(place.work_dir / 'before')
    config.custom_hooks = [dict(type='StrictCheckpointHook')]
    config.default_hooks.checkpoint = None  # DeltaHook needs a training
    return validate_quietly('before', config)


def _outcome(place: Place, runs: dict[str, Run]) -> Outcome:
    with quiet():
        model = build_base(place.config('gps'))
    files = {
        name: place.work_dir / config / 'delta.safetensors'
        for name, config in DELTAS.items()
    }
    loaded = {name: Delta.load(path) for name, path in files.items()}
    deltas = {NOTHING: None, **loaded}
    data = {h.name: HeldOut(place.config(h.config)) for h in HOSPITALS}
    matrix = score_matrix(model, deltas, data)
    shown = {name: deltas[name] for name in (NOTHING, DELTA_A, DELTA_B)}
    rows = median_rows(model, shown, data, matrix, AT_HOME)
    grid = plot_prediction_grid(rows, place.work_dir / 'predictions.png')
    with quiet():
        fresh = build_base(place.config('gps'))
    switched = switch_live(fresh, loaded[DELTA_A], loaded[DELTA_B])
    sizes = {name: path.stat().st_size for name, path in files.items()}
    pictures = {grid: 'one image per hospital, with nothing, A or B on'}
    pictures |= _pictures(place, runs)
    return Outcome(runs, matrix, sizes, switched, pictures)


def _pictures(place: Place, runs: dict[str, Run]) -> dict[Path, str]:
    out = place.work_dir
    rows = [*runs.values()]
    return {
        plot_hospitals(place, out / 'domains.png'): (
            'images of the three hospitals, polyps outlined'
        ),
        plot_predictions(rows, runs['gps'], out / 'methods.png'): (
            'worst, median and best image of GPS at A, by each method'
        ),
        plot_runs(rows, out / 'comparison.png'): (
            'score of each method at A against what it trained'
        ),
        out / 'gps' / 'overlays.png': 'more predictions of GPS at A',
        out / 'gps' / 'curves.png': 'loss and scores of GPS at A over time',
        out / 'gps' / 'selection.png': 'connections that GPS selected for A',
    }
