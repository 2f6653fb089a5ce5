"""The contact sheet: outlines, shares, and a legend of what occurs."""

import numpy as np
import pytest

from gps_seg.visualization import Tile, plot_contact_sheet
from gps_seg.visualization.images.contact_sheet import without_ignored

IMAGE = np.full((10, 10, 3), 100, np.uint8)


def tile(foreground=0, ignored=0, title='source 0'):
    labels = np.zeros((10, 10), np.uint8)
    labels[0, :foreground] = 1
    labels[9, :ignored] = 255
    return Tile(IMAGE, labels, title)


@pytest.fixture
def sheet(tmp_path, figures):
    def draw(*tiles, **options):
        out = tmp_path / 'sheet.png'
        plot_contact_sheet(tiles, out, heading='all', **options)
        return figures[-1]

    return draw


def names(figure):
    return [
        text.get_text()
        for legend in figure.legends
        for text in legend.get_texts()
    ]


def test_the_title_says_whose_share_it_is(sheet):
    figure = sheet(tile(5), tile(5, ignored=10), foreground='lesion')
    titles = [axes.get_title() for axes in figure.axes]
    # 5 of 100 pixels, and 5 of the 90 that are not ignored.
    assert titles == ['source 0\n5.0 % lesion', 'source 0\n5.6 % lesion']


def test_the_object_keeps_its_colours_and_has_an_outline(sheet):
    (axes,) = sheet(tile(5)).axes
    np.testing.assert_array_equal(axes.images[0].get_array(), IMAGE)
    assert len(axes.collections) == 1


def test_what_is_ignored_is_grey():
    drawn = tile(5, ignored=10)
    shown = without_ignored(drawn.image, drawn.labels)
    assert (shown[9] == 150).all() and (shown[:9] == 100).all()
    assert (IMAGE == 100).all()


@pytest.mark.parametrize(
    ('tiles', 'entries'),
    [
        ([tile()], []),
        ([tile(), tile(5)], ['polyp (percent of pixels in the titles)']),
        ([tile(ignored=3)], ['outside the image, ignored']),
        ([Tile(IMAGE, None, 'a rose')], []),
    ],
)
def test_the_legend_has_what_occurs(sheet, tiles, entries):
    assert names(sheet(*tiles)) == entries


def test_a_long_title_keeps_both_its_ends(sheet):
    figure = sheet(Tile(IMAGE, None, 'a' * 40 + 'z' * 40))
    title = figure.axes[0].get_title()
    assert title.startswith('aaa') and '…' in title and title.endswith('zzz')
