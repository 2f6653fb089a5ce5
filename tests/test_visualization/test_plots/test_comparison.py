"""The comparison of methods: one row each, nothing exaggerated or hidden."""

import itertools
import math

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gps_seg.visualization import MethodRun, plot_comparison
from gps_seg.visualization.plots.comparison import mean_score
from gps_seg.visualization.plots.score_axis import (
    LEAST_SPAN,
    ranges_of,
    remark,
)

RUNS = [
    MethodRun('linear', 60.0, 0.001),
    MethodRun('gps', 80.0, 0.0129),
    MethodRun('linear', 62.0, 0.001),
    MethodRun('full', 82.0, 1.0),
]
ABLATION = [
    f'{scope} {score} k=1'
    for scope in ('neuron', 'layer', 'network')
    for score in ('gradient', 'random', 'magnitude')
] + ['bias', *(f'neuron random k={k} rate=0.00{k}95' for k in (2, 5, 7, 9))]


@pytest.fixture
def draw(tmp_path, figures):
    def plot(runs):
        plot_comparison(runs, tmp_path / 'c.png', metric='mDice')
        return figures[-1]

    return plot


def points(axes):
    """Scores drawn as runs and as means, by row."""
    runs, means = {}, {}
    for line in axes.lines:
        kind = means if line.get_marker() == '|' else runs
        if line.get_linestyle() == 'None':
            kind[line.get_ydata()[0]] = list(line.get_xdata())
    return runs, means


def texts(artists):
    return [artist.get_text() for artist in artists]


def test_every_run_is_a_dot_in_the_row_of_its_method(draw):
    (axes,) = draw(RUNS).axes
    assert texts(axes.get_yticklabels()) == ['linear', 'gps', 'full']
    bottom, top = axes.get_ylim()
    assert bottom > top  # the first row is on top
    runs, means = points(axes)
    assert runs == {0: [60, 62], 1: [80], 2: [82]}
    assert means == {0: [61]}  # a single run is its own mean
    ranges = [
        [*line.get_xdata()]
        for line in axes.lines
        if line.get_linestyle() == '-'
    ]
    assert ranges == [[60, 62]]


def test_means_and_shares_are_numbers_at_the_right(draw):
    (axes,) = draw(RUNS).axes
    assert texts(axes.texts) == [
        *('mean', '% trained'),
        *('61.0', '0.10'),
        *('80.0', '1.29'),
        *('82.0', '100'),
    ]


def test_single_runs_have_a_score_and_no_legend(draw):
    figure = draw(RUNS[1:2] + RUNS[3:])
    assert texts(figure.axes[0].texts)[0] == 'score'
    assert not figure.legends


def test_what_trained_nothing_is_a_dashed_line(draw):
    figure = draw([MethodRun('before', 55.0, 0.0), *RUNS])
    (axes,) = figure.axes
    assert texts(axes.get_yticklabels()) == ['linear', 'gps', 'full']
    dashed = [line for line in axes.lines if line.get_linestyle() == '--']
    assert [[*line.get_xdata()] for line in dashed] == [[55, 55]]
    assert 'before: 55.0' in texts(figure.legends[0].get_texts())


def test_the_axis_says_where_it_begins(draw):
    label = draw(RUNS).axes[0].get_xlabel()
    low, high = draw(RUNS).axes[0].get_xlim()
    assert label == f'mDice (%)\naxis from {low:.0f} to {high:.0f}'
    assert remark([(0.0, 80.0)]) == ''
    assert 'broken' in remark([(10.0, 20.0), (70.0, 80.0)])


@pytest.mark.parametrize(
    'scores', [[80.0], [80.0, 80.5], [50.0, 66.0], [2.0, 90.0], [99.0, 100.0]]
)
def test_a_range_holds_the_scores_and_exaggerates_nothing(scores):
    ((low, high),) = ranges_of(scores)
    assert low <= min(scores) and max(scores) <= high
    assert high - low >= LEAST_SPAN
    if min(scores) < 10:
        assert low == 0


def test_few_low_scores_break_the_axis():
    main = [60.8, 64.4, 65.2, 66.0, 66.7, 68.0]
    low, high = ranges_of([26.9, 50.3, *main])
    assert low[0] < 26.9 < 50.3 < low[1] < high[0] < 60.8 < 68 < high[1]
    # Neither half of the runs, nor a gap that is small beside the range.
    assert len(ranges_of([26.0] * 6 + [27.0, *main])) == 1
    assert len(ranges_of([50.0, *main])) == 1


def test_each_run_is_inside_one_part_of_a_broken_axis(draw):
    runs = [
        MethodRun(f'method {i}', score, 0.1)
        for i, score in enumerate([26.9, 60.8, 64.4, 65.2, 66.0, 66.7])
    ]
    figure = draw(runs)
    parts = [axes.get_xlim() for axes in figure.axes]
    for run in runs:
        assert sum(low < run.score < high for low, high in parts) == 1
    assert [len(axes.texts) > 0 for axes in figure.axes] == [False, True]
    assert 'broken axis' in figure.axes[-1].get_xlabel()


def test_colours_are_scores_and_markers_scopes(draw):
    figure = draw([MethodRun(name, 50.0, 0.01) for name in ABLATION])
    (axes,) = figure.axes
    looks = {
        name: (line.get_color(), line.get_marker())
        for name, line in zip(ABLATION, axes.lines, strict=True)
    }
    for one, other in itertools.combinations(ABLATION[:9], 2):
        scopes, scores = zip(one.split()[:2], other.split()[:2], strict=True)
        same_colour = looks[one][0] == looks[other][0]
        same_marker = looks[one][1] == looks[other][1]
        assert same_colour == (scores[0] == scores[1])
        assert same_marker == (scopes[0] == scopes[1])
    assert looks['bias'][0] not in {looks[n][0] for n in ABLATION[:9]}
    named = texts(figure.legends[0].get_texts())
    assert named[:3] == ['gradient', 'random', 'magnitude']
    assert named[3:6] == ['neuron', 'layer', 'network']


def test_other_names_have_one_look(draw):
    (axes,) = draw(RUNS).axes
    runs = [line for line in axes.lines if line.get_marker() == 'o']
    assert len({line.get_color() for line in runs}) == 1


@pytest.mark.parametrize(
    'names',
    [
        ['gps k=1', 'gps k=1 score=random', 'bias', 'linear', 'full'],
        ABLATION,
        ['a method with a name as long as a line of text in a paper', 'full'],
    ],
)
def test_no_text_runs_into_another_or_off_the_page(draw, names):
    runs = [
        MethodRun(name, score, 0.01)
        for name in names
        for score in (26.0 if name == names[-1] else 60.0, 64.0)
    ]
    figure = draw([MethodRun('before', 30.0, 0.0), *runs])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    shown = [
        text
        for axes in figure.axes
        for text in (*axes.texts, *axes.get_xticklabels())
    ]
    shown += figure.axes[0].get_yticklabels()
    shown += [*figure.legends[0].get_texts(), figure.axes[-1].xaxis.label]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in shown]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1


def test_mean_is_over_the_runs():
    assert mean_score([RUNS[0], RUNS[2]]) == 61


@pytest.mark.parametrize(
    'run',
    [
        MethodRun('gps', math.nan, 0.1),
        MethodRun('gps', 80.0, -0.1),
        MethodRun('gps', 80.0, 5.0),
    ],
)
def test_wrong_run_is_refused(tmp_path, run):
    with pytest.raises(ValueError, match='rows: expected a finite score'):
        plot_comparison([run], tmp_path / 'c.png', metric='mDice')


def test_no_runs_are_refused(tmp_path):
    with pytest.raises(ValueError, match='expected one or more runs'):
        plot_comparison([], tmp_path / 'c.png', metric='mDice')
