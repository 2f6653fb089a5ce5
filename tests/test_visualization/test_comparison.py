"""The comparison of methods."""

import itertools
import math

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

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


@pytest.mark.parametrize(
    'names',
    [
        ['gps k=1', 'gps k=1 score=random', 'bias', 'linear', 'full'],
        ['neuron gradient k=1', 'neuron random k=1', 'layer gradient k=1'],
        ['a method of a long name with=settings', 'full'],
        [f'layer gradient share=0.00{i}95' for i in range(14)],
        [f'gps k={i}' for i in range(9)],
    ],
)
def test_no_name_runs_into_the_next(tmp_path, figures, names):
    """Their outlines as drawn are turned and laid over one another."""
    runs = [MethodRun(name, 50.0, 0.01) for name in names]
    plot_comparison(runs, tmp_path / 'c.png', metric='mDice')
    (figure,) = figures
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    outlines = [
        outline(label, renderer) for label in figure.axes[0].get_xticklabels()
    ]
    assert len(outlines) == len(names)
    for one, other in itertools.pairwise(outlines):
        assert not one.intersects_path(other, filled=True)
    page = figure.bbox
    for path in outlines:
        assert page.x0 <= path.vertices[:, 0].min()
        assert page.y0 <= path.vertices[:, 1].min()


def outline(label, renderer):
    """Rectangle of a text in pixels, turned as the text is."""
    angle, anchor = label.get_rotation(), label.get_ha()
    corner = label.get_window_extent(renderer)
    label.set_rotation(0)
    flat = label.get_window_extent(renderer)
    label.set_rotation(angle)
    turned = (
        Affine2D()
        .rotate_deg(angle)
        .transform(
            [
                (0, 0),
                (flat.width, 0),
                (flat.width, flat.height),
                (0, flat.height),
            ]
        )
    )
    turned += (corner.x0, corner.y0) - turned.min(axis=0)
    assert anchor == ('right' if angle else 'center')
    return Path([*turned, turned[0]], closed=True)


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
