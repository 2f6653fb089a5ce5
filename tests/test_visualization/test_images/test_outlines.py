# Copyright (c) gps_seg contributors. Apache-2.0.
"""A page of images with the outlines of their classes."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gps_seg.visualization import ClassColours, Tile, plot_outlines

CLASSES = ClassColours(
    ('ground', 'tree', 'car'), ((120, 120, 120), (0, 250, 0), (250, 0, 0))
)


def tile(*rows, title='a'):
    """A tile whose rows of pixels have these labels."""
    labels = np.repeat(np.array(rows, np.uint8)[:, None], 8, axis=1)
    return Tile(np.full((*labels.shape, 3), 99, np.uint8), labels, title)


@pytest.fixture
def page(tmp_path, figures):
    def draw(*tiles, **options):
        out = tmp_path / 'found.png'
        plot_outlines(tiles, out, CLASSES, heading='all', **options)
        return figures[-1]

    return draw


def outlined(axes):
    """Colours of the thin lines."""
    lines = [c for c in axes.collections if c.get_linewidths()[0] < 2]
    colours = [line.get_edgecolor()[0][:3] for line in lines]
    return [tuple(round(255 * v) for v in colour) for colour in colours]


def names(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_each_class_but_the_background_has_an_outline(page):
    figure = page(tile(0, 0, 1, 1, 2, 0))
    assert outlined(figure.axes[0]) == [(0, 250, 0), (250, 0, 0)]
    assert names(figure) == ['tree', 'car']


def test_without_a_background_every_class_has_an_outline(page):
    figure = page(tile(0, 0, 0, 1, 1, 2), background=False)
    assert outlined(figure.axes[0]) == list(CLASSES.colours)
    assert names(figure) == ['ground', 'tree', 'car']


def test_a_dark_line_lies_below_each_outline(page):
    (axes,) = page(tile(0, 1, 0)).axes
    dark, bright = axes.collections
    assert to_rgb(dark.get_edgecolor()[0]) == (0, 0, 0)
    assert dark.get_linewidths()[0] > bright.get_linewidths()[0]


def test_ignored_pixels_are_grey(page):
    figure = page(tile(0, 1, 255))
    shown = figure.axes[0].images[0].get_array()
    assert (shown[2] == 150).all() and (shown[:2] == 99).all()
    assert names(figure) == ['tree', 'ignored']
    assert outlined(figure.axes[0]) == [(0, 250, 0)]


def test_a_class_that_fills_an_image_has_no_outline(page):
    figure = page(tile(1, 1), tile(0, 0))
    assert all(outlined(axes) == [] for axes in figure.axes)


def test_four_tiles_to_a_row_and_titles_that_fit(page):
    figure = page(*[tile(0, 1, title=f'{"n" * 50}\nlargest')] * 5)
    assert len(figure.axes) == 8
    name, reason = figure.axes[0].get_title().split('\n')
    assert len(name) < 50 and '…' in name and reason == 'largest'


def test_labels_are_needed(tmp_path):
    for tiles in ([], [Tile(np.zeros((2, 2, 3), np.uint8), None, 'a')]):
        with pytest.raises(ValueError, match='images with labels'):
            plot_outlines(tiles, tmp_path / 'a.png', CLASSES, heading='')
