"""Curves are figures from any log, healthy or not."""

import json
import math

import pytest
from PIL import Image

from gps_seg.visualization import plot_curves


def log(path, losses, metrics=()):
    lines = [
        {'lr': 1e-3, 'loss': loss, 'iter': step, 'step': step}
        for step, loss in enumerate(losses, start=1)
    ]
    lines += [{**metric, 'step': 10 * i} for i, metric in enumerate(metrics)]
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return path


def text_of(axes):
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.texts] if legend else []
    return labels + [text.get_text() for text in axes.texts]


def test_loss_metrics_and_learning_rate_are_drawn(tmp_path, figures):
    metrics = [{'mDice': 50.0, 'mIoU': 40.0}, {'mDice': 70.0, 'mIoU': 30.0}]
    scalars = log(tmp_path / 's.json', [1.0, 0.5, 0.25], metrics)

    plot_curves(scalars, tmp_path / 'curves.png')

    loss, metric, rate = figures[0].axes
    assert loss.lines[0].get_ydata().tolist() == [1.0, 0.5, 0.25]
    assert text_of(metric) == ['mDice, best 70.00', 'mIoU, best 40.00']
    assert rate.lines[0].get_ydata().tolist() == [1e-3] * 3


@pytest.mark.parametrize(
    'losses', [[1.0, math.nan, 0.5], [math.nan] * 3, [math.inf, 1.0]]
)
def test_broken_losses_are_marked(tmp_path, figures, losses):
    plot_curves(log(tmp_path / 's.json', losses), tmp_path / 'curves.png')

    broken = sum(not math.isfinite(loss) for loss in losses)
    assert f'not finite ({broken}x)' in text_of(figures[0].axes[0])


def test_metric_that_is_never_finite_is_drawn_without_a_best(
    tmp_path, figures
):
    scalars = log(tmp_path / 's.json', [1.0], [{'mIoU': math.nan}])

    plot_curves(scalars, tmp_path / 'curves.png')

    assert text_of(figures[0].axes[1]) == ['mIoU']


def test_empty_log_says_so(tmp_path, figures):
    plot_curves(log(tmp_path / 's.json', []), tmp_path / 'curves.png')

    assert [text_of(axes) for axes in figures[0].axes] == [
        ['nothing logged']
    ] * 3


def test_picture_is_written(tmp_path):
    scalars = log(tmp_path / 's.json', [1.0, math.nan], [{'mIoU': 1.0}])

    path = plot_curves(scalars, tmp_path / 'curves.png')

    with Image.open(path) as picture:
        assert picture.format == 'PNG'
