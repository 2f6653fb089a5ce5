"""The text and the picture."""

import dataclasses
import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gps_seg.benchmark.growth import format_growth, growth_of, plot_growth


@pytest.fixture
def growth(axes, results):
    return growth_of(axes, results)


def test_the_text_has_slopes_crossings_and_what_is_computed(growth):
    text = format_growth(growth, rate=123.0)
    (line,) = (x for x in text.splitlines() if x.startswith('vit-tiny_64px'))
    assert 'lora: k=4.0' in line and 'full: k=8.0' in line
    slope = next(x for x in text.splitlines() if x.startswith('tokens'))
    assert slope.split()[:4] == ['tokens', 'seconds', 'bias', '1.50']
    measured, _, computed = text.partition('Computed, not measured')
    assert 'Measured' in measured and 'ViT-g' not in measured
    assert '123 TFLOP/s' in computed and 'gps k=1, recomputing' in computed


def test_what_is_never_reached_is_said(axes, results):
    results['vit-tiny_64px_3-blocks lora']['seconds'] = [99.0]
    results['vit-tiny_64px_3-blocks full']['seconds'] = [1e-9]
    text = format_growth(growth_of(axes, results), rate=1.0)
    assert 'lora: never up to 16' in text and 'full: k=1 or less' in text


@pytest.fixture
def figure(axes, growth, tmp_path, figures):
    plot_growth(
        axes, growth.curves, growth.steps, tmp_path / 'g.png', 'a title'
    )
    return figures[0]


def test_each_panel_shows_its_points_and_slopes(figure):
    panels = figure.axes
    assert len(panels) == 9
    over_tokens = panels[0]
    assert over_tokens.get_xscale() == over_tokens.get_yscale() == 'log'
    assert over_tokens.texts[0].get_text() == (
        'slope: bias 1.50, full 1.50, LoRA 1.50, GPS 1.50'
    )
    points = [line for line in over_tokens.lines if len(line.get_xdata()) == 3]
    assert len(points) == 4
    milliseconds = 1e3 * 1e-4 * 5**1.5 * 32
    assert points[0].get_ydata()[0] == pytest.approx(milliseconds)
    ticks = [label.get_text() for label in over_tokens.get_xticklabels()]
    assert ticks == ['5', '17', '37']


def test_costs_that_noise_makes_negative_are_left_out(
    axes, results, tmp_path, figures
):
    """The seconds of one more block are a difference of two measurements."""
    curves = [
        dataclasses.replace(curve, y=ys, fit=None)
        for curve in growth_of(axes, results).curves
        if (curve.axis, curve.quantity) == ('tokens', 'seconds')
        for ys in [(-1.0, 0.0, -2.0 if curve.row == 'gps' else 3.0)]
    ]
    plot_growth(axes, curves, [], tmp_path / 'g.png', 'a title')
    drawn = [list(line.get_ydata()) for line in figures[0].axes[0].lines]
    assert drawn == [[3000.0]] * 3
    (gps,) = (curve for curve in curves if curve.row == 'gps')
    plot_growth(axes, [gps], [], tmp_path / 'h.png', 'nothing to draw')
    assert not figures[1].axes[0].lines


def test_gps_is_shown_relative_to_lora(figure, growth):
    level, ratios = figure.axes[6].lines
    assert set(level.get_ydata()) == {1}
    (steps,) = growth.steps
    lora = steps.seconds['lora']
    assert list(ratios.get_ydata()) == [one / lora for one in steps.gps]


def test_no_text_lies_on_another_or_on_data(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [figure._suptitle]
    for panel in figure.axes:
        texts += [*panel.texts, panel.xaxis.label]
        texts += panel.get_xticklabels()
        legend = panel.get_legend()
        texts += legend.get_texts() if legend else []
    boxes = [t.get_window_extent(renderer) for t in texts if t.get_text()]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for panel in figure.axes:
        legend = panel.get_legend()
        if legend is not None:
            inside = panel.get_window_extent(renderer)
            assert legend.get_texts()[0].get_window_extent().y0 > inside.y1


def test_without_measurements_there_is_an_empty_picture(axes, tmp_path):
    assert plot_growth(axes, [], [], tmp_path / 'g.svg', 'none').is_file()
