"""The comparison of methods."""

import math

import pytest

from gps_seg.visualization import MethodRun, plot_comparison
from gps_seg.visualization.comparison import _style, mean_score

RUNS = [
    MethodRun('linear', 60.0, 0.001),
    MethodRun('gps', 80.0, 0.005),
    MethodRun('linear', 62.0, 0.001),
    MethodRun('full', 82.0, 1.0),
]


def test_every_run_and_every_mean_is_drawn(tmp_path, figures):
    plot_comparison(RUNS, tmp_path / 'c.png', metric='mDice')

    left, right = figures[0].axes
    names = [label.get_text() for label in left.get_xticklabels()]
    assert names == ['linear', 'gps', 'full']
    drawn = [line.get_ydata().tolist() for line in left.lines]
    assert drawn == [[61, 61], [60, 62], [80, 80], [80], [82, 82], [82]]
    means = [line.get_xydata().tolist() for line in right.lines]
    assert means == [[[0.1, 61]], [[0.5, 80]], [[100, 82]]]
    assert right.get_legend() is not None
    assert right.get_xscale() == 'log'
    assert left.get_ylabel() == 'mDice (%)'


def test_many_methods_have_their_names_on_the_left_alone(tmp_path, figures):
    runs = [MethodRun(f'method {i}', 50.0 + i, 0.01 * i) for i in range(1, 12)]

    plot_comparison(runs, tmp_path / 'c.png', metric='mDice')

    left, right = figures[0].axes
    assert len(left.get_xticklabels()) == 11
    assert right.get_legend() is None


def test_picture_is_written(tmp_path):
    path = plot_comparison(RUNS, tmp_path / 'c.png', metric='mDice')

    assert path.stat().st_size > 1000


def test_mean_is_over_the_runs():
    assert mean_score([RUNS[0], RUNS[2]]) == 61


def test_methods_look_different():
    looks = [(_style(i)['color'], _style(i)['marker']) for i in range(24)]

    assert len(set(looks)) == 24


@pytest.mark.parametrize(
    'run',
    [
        MethodRun('gps', math.nan, 0.1),
        MethodRun('gps', 80.0, 0.0),
        MethodRun('gps', 80.0, 5.0),
    ],
)
def test_wrong_run_is_refused(tmp_path, run):
    with pytest.raises(ValueError, match='rows: expected a finite score'):
        plot_comparison([run], tmp_path / 'c.png', metric='mDice')


def test_no_runs_are_refused(tmp_path):
    with pytest.raises(ValueError, match='expected one or more runs'):
        plot_comparison([], tmp_path / 'c.png', metric='mDice')
