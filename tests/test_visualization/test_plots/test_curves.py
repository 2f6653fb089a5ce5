"""Curves are figures from any log, healthy or not."""

import json
import math

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
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


def log_run(folder, losses, metrics=(), every=1):
    """Scalars where MMEngine writes them, in a work directory."""
    scalars = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    scalars.parent.mkdir(parents=True)
    lines = [
        {'lr': 1e-3, 'loss': loss, 'iter': step, 'step': step}
        for step, loss in zip(
            range(every, every * len(losses) + 1, every), losses, strict=True
        )
    ]
    lines += [{**metric, 'step': 10 * i} for i, metric in enumerate(metrics)]
    scalars.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return scalars


def text_of(axes):
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.texts] if legend else []
    return labels + [text.get_text() for text in axes.texts]


def test_loss_metrics_and_learning_rate_are_drawn(tmp_path, figures):
    metrics = [{'mDice': 50.0, 'mIoU': 40.0}, {'mDice': 70.0, 'mIoU': 30.0}]
    scalars = log(tmp_path / 's.json', [1.0, 0.5, 0.25], metrics)

    plot_curves(scalars, tmp_path / 'curves.png')

    loss, rate, metric = figures[0].axes
    assert loss.lines[0].get_ydata().tolist() == [1.0, 0.5, 0.25]
    assert text_of(metric) == ['mDice, best 70.00', 'mIoU, best 40.00']
    assert rate.lines[0].get_ydata().tolist() == [1e-3] * 3


def test_the_title_is_the_name_of_the_run(tmp_path, figures):
    scalars = log_run(tmp_path / 'gps_kvasir', [1.0])
    plot_curves(scalars, tmp_path / 'curves.png')
    plot_curves([scalars, scalars], tmp_path / 'curves.png')
    plot_curves(log(tmp_path / 's.json', [1.0]), tmp_path / 'curves.png')
    titles = [figure.get_suptitle() for figure in figures]
    assert titles == ['gps_kvasir', 'gps_kvasir', '']


def test_few_points_are_not_called_smoothed(tmp_path, figures):
    for count in (8, 39, 40, 200):
        losses = [1 / step for step in range(1, count + 1)]
        plot_curves(log(tmp_path / 's.json', losses), tmp_path / 'c.png')
    drawn = [(len(f.axes[0].lines), text_of(f.axes[0])) for f in figures]
    assert drawn == [(1, []), (1, [])] + [(2, ['as logged', 'smoothed'])] * 2
    raw, smoothed = (line.get_ydata() for line in figures[-1].axes[0].lines)
    assert raw[0] == smoothed[0] and raw[-1] < smoothed[-1] < raw[0]


@pytest.mark.parametrize('count', [1, 2, 3, 8])
def test_iterations_are_whole_numbers_from_the_start(tmp_path, figures, count):
    scalars = log(tmp_path / 's.json', [1.0] * count, [{}, {'mIoU': 40.0}])
    plot_curves(scalars, tmp_path / 'c.png')
    for axes in figures[0].axes:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks[0] == low == 0
        assert all(float(tick).is_integer() for tick in ticks)
        assert len(ticks) > 1


def test_no_point_of_the_loss_is_cut_off(tmp_path, figures):
    losses = [1.3, 1.4, 1.5]
    plot_curves(log(tmp_path / 's.json', losses), tmp_path / 'c.png')
    axes = figures[0].axes[0]
    low, high = axes.get_ylim()
    assert low == 0 and high > 1.5
    assert axes.get_xlim()[1] > 3


def test_the_axis_says_how_often_was_logged(tmp_path, figures):
    for every in (1, 12):
        run = log_run(tmp_path / f'{every}', [1.0] * 4, every=every)
        plot_curves(run, tmp_path / 'c.png')
    labels = [figure.axes[1].get_xlabel() for figure in figures]
    assert labels == ['iteration', 'iteration (logged every 12)']


@pytest.mark.parametrize(
    ('metric', 'label', 'title'),
    [
        ({'mIoU': 40.0}, 'mIoU (%)', 'validation: mIoU'),
        ({'mIoU': 0.4}, 'mIoU', 'validation: mIoU'),
        ({'mIoU': 40.0, 'mDice': 50.0}, 'score (%)', 'validation'),
    ],
)
def test_the_axis_of_scores_has_a_unit(
    tmp_path, figures, metric, label, title
):
    scalars = log(tmp_path / 's.json', [1.0], [{}, metric])
    plot_curves(scalars, tmp_path / 'c.png')
    axes = figures[0].axes[2]
    assert axes.get_ylabel() == label
    assert axes.get_title(loc='left') == title


def test_no_legend_lies_on_a_line(tmp_path, figures):
    metrics = [{f'metric_{i}': 10.0 * i for i in range(7)}] * 4
    losses = [math.nan] + [1 / step for step in range(1, 100)]
    plot_curves(log(tmp_path / 's.json', losses, metrics), tmp_path / 'c.png')
    canvas = FigureCanvasAgg(figures[0])
    canvas.draw()
    for axes in (figures[0].axes[0], figures[0].axes[2]):
        legend = axes.get_legend().get_window_extent(canvas.get_renderer())
        assert not legend.overlaps(axes.get_window_extent())
        assert not legend.overlaps(axes._left_title.get_window_extent())
        for corner in (legend.min, legend.max):
            assert figures[0].bbox.contains(*corner)


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

    assert text_of(figures[0].axes[2]) == ['mIoU']


def test_empty_log_says_so(tmp_path, figures):
    plot_curves(log(tmp_path / 's.json', []), tmp_path / 'curves.png')

    assert [text_of(axes) for axes in figures[0].axes] == [
        ['nothing logged']
    ] * 3


def test_a_run_too_short_for_a_loss_says_which_setting_to_change(
    tmp_path, figures
):
    plot_curves(
        log(tmp_path / 's.json', [], [{'mIoU': 1.0}]), tmp_path / 'c.png'
    )

    loss, rate, _ = figures[0].axes
    assert text_of(loss) == [
        'nothing logged: fewer iterations\nthan default_hooks.logger.interval'
    ]
    assert text_of(rate) == ['nothing logged']


def test_an_empty_panel_has_no_numbers(tmp_path, figures):
    plot_curves(
        log(tmp_path / 's.json', [], [{'mIoU': 1.0}]), tmp_path / 'c.png'
    )

    figures[0].canvas.draw()
    loss, rate, _ = figures[0].axes
    for axis in (loss.xaxis, loss.yaxis, rate.xaxis, rate.yaxis):
        assert not any(
            tick.label1.get_visible() for tick in axis.get_major_ticks()
        )


def test_picture_is_written(tmp_path):
    scalars = log(tmp_path / 's.json', [1.0, math.nan], [{'mIoU': 1.0}])

    path = plot_curves(scalars, tmp_path / 'curves.png')

    with Image.open(path) as picture:
        assert picture.format == 'PNG'
