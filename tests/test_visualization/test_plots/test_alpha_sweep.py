"""The picture of a sweep from the base to the tuned model."""

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from gps_seg.visualization.plots.alpha_sweep import (
    AlphaScore,
    plot_alpha_sweep,
)

SCORES = [
    AlphaScore(1.0, {'mDice': 80.0, 'mIoU': 70.0}),
    AlphaScore(0.0, {'mDice': 60.0, 'mIoU': math.nan}),
    AlphaScore(0.5, {'mDice': 82.25, 'mIoU': 69.0}),
]


LABELS = {
    'mDice': 'mDice: best 82.25 at 0.5',
    'mIoU': 'mIoU: best 70.00 at 1',
}


def drawn(figure):
    """Coordinates of every line, by label."""
    lines = figure.axes[0].lines
    return {line.get_label(): line.get_data() for line in lines}


def test_points_are_in_the_order_of_alpha(figures, tmp_path):
    plot_alpha_sweep(SCORES, ['mDice', 'mIoU'], tmp_path / 's.png')

    in_order = [SCORES[1], SCORES[2], SCORES[0]]
    for metric, label in LABELS.items():
        x, y = drawn(figures[0])[label]
        np.testing.assert_array_equal(x, [0, 0.5, 1])
        np.testing.assert_array_equal(
            y, [score.metrics[metric] for score in in_order]
        )


def test_the_best_point_has_a_ring(figures, tmp_path):
    plot_alpha_sweep(SCORES, ['mDice', 'mIoU'], tmp_path / 's.png')

    lines = figures[0].axes[0].lines
    rings = [line for line in lines if line.get_markerfacecolor() == 'none']
    assert [(*line.get_xdata(), *line.get_ydata()) for line in rings] == [
        (0.5, 82.25),
        (1.0, 70.0),
    ]


@pytest.mark.parametrize(
    ('scores', 'metrics', 'label'),
    [
        (SCORES, ['mDice'], 'mDice (%)'),
        (SCORES, ['mDice', 'mIoU'], 'score (%)'),
        ([AlphaScore(0.0, {'accuracy': 0.5})], ['accuracy'], 'accuracy'),
    ],
)
def test_the_axis_names_the_metric(figures, tmp_path, scores, metrics, label):
    plot_alpha_sweep(scores, metrics, tmp_path / 's.png')

    assert figures[0].axes[0].get_ylabel() == label


def test_the_legend_is_below_the_axes(figures, tmp_path):
    plot_alpha_sweep(SCORES, ['mDice', 'mIoU'], tmp_path / 's.png')
    (figure,) = figures
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()

    legend = figure.legends[0].get_window_extent(renderer)

    assert legend.y1 <= figure.axes[0].get_tightbbox(renderer).y0
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == list(LABELS.values())


def test_picture_is_drawn(tmp_path):
    path = plot_alpha_sweep(SCORES[:1], ['mIoU'], tmp_path / 's.png')

    with Image.open(path) as picture:
        assert picture.format == 'PNG'


def test_a_metric_that_is_never_defined_is_drawn_empty(figures, tmp_path):
    plot_alpha_sweep(SCORES[1:2], ['mIoU'], tmp_path / 's.png')

    assert 'mIoU' in drawn(figures[0])


@pytest.mark.parametrize(
    ('scores', 'metrics', 'reason'),
    [
        ([], ['mDice'], 'one or more'),
        (SCORES, [], 'one or more'),
        (SCORES, ['mDise'], r"expected some of \['mDice', 'mIoU'\]"),
    ],
)
def test_nothing_to_draw_is_refused(tmp_path, scores, metrics, reason):
    with pytest.raises(ValueError, match=reason):
        plot_alpha_sweep(scores, metrics, tmp_path / 's.png')
    assert not list(tmp_path.iterdir())
