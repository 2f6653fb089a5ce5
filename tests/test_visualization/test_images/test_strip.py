"""An image, its truth and its prediction side by side, pixel by pixel."""

import numpy as np
import pytest

from gps_seg.visualization import ClassColours, Overlay
from gps_seg.visualization.images.errors import paint
from gps_seg.visualization.images.strip import draw_strip
from gps_seg.visualization.palette import OUTLINE, rgb

SIZE = (330, 400)  # is neither enlarged nor reduced
GAP, LINE = 8, 24
IMAGE = np.full((*SIZE, 3), 90, np.uint8)


def labels(top, left, size=SIZE):
    array = np.zeros(size, np.uint8)
    array[top : top + 90, left : left + 80] = 1
    return array


def panels(strip, count, size=SIZE):
    height, width = size
    starts = [index * (width + GAP) for index in range(count)]
    assert strip.shape[1] == starts[-1] + width
    return [strip[LINE : LINE + height, s : s + width] for s in starts]


def has(panel, colour):
    difference = np.abs(panel.astype(int) - rgb(colour))
    return (difference < 60).all(axis=-1)  # lines are antialiased


def test_the_panels_are_those_of_the_overlays():
    truth, prediction = labels(30, 30), labels(60, 50)
    strip = draw_strip(Overlay(IMAGE, prediction, truth, ''))
    alone, with_truth, with_prediction = panels(strip, 3)
    np.testing.assert_array_equal(alone, IMAGE)
    painted = paint(IMAGE, prediction, truth)
    for panel, below in ((with_truth, IMAGE), (with_prediction, painted)):
        line = (panel != below).any(axis=-1)
        assert has(panel, OUTLINE).sum() > 200
        # It runs along the border of the object and nowhere else.
        outer = np.zeros(SIZE, bool)
        outer[26:124, 26:114] = True
        inner = np.zeros(SIZE, bool)
        inner[34:116, 34:106] = True
        assert not (line & (inner | ~outer)).any()


def test_an_object_at_the_edge_has_no_line_along_the_edge():
    truth = labels(0, 0)
    strip = draw_strip(Overlay(IMAGE, truth, truth, ''))
    _, _, with_prediction = panels(strip, 3)
    marked = has(with_prediction, OUTLINE)
    assert not marked[5:80, :3].any() and not marked[:3, 5:70].any()
    assert marked[20:60, 75:85].any()


def test_without_a_truth_there_are_two_panels():
    strip = draw_strip(Overlay(IMAGE, labels(9, 9), None, ''))
    _, with_prediction = panels(strip, 2)
    expected = paint(IMAGE, labels(9, 9), None)
    np.testing.assert_array_equal(with_prediction, expected)


def test_classes_have_their_colours():
    classes = ClassColours(
        ('wall', 'sky', 'tree'), ((0, 0, 0), (0, 0, 200), (0, 200, 0))
    )
    row = Overlay(IMAGE, labels(9, 9), labels(20, 20), '')
    _, with_truth, with_prediction = panels(draw_strip(row, classes), 3)
    for panel, shown in (
        (with_truth, row.truth),
        (with_prediction, row.prediction),
    ):
        np.testing.assert_array_equal(panel, classes.paint(IMAGE, shown))


@pytest.mark.parametrize(
    ('size', 'panel'),
    [((33, 40), (264, 320)), ((900, 1600), (450, 800)), (SIZE, SIZE)],
)
def test_small_and_large_images_can_be_read(size, panel):
    truth = np.zeros(size, np.uint8)
    image = np.full((*size, 3), 90, np.uint8)
    strip = draw_strip(Overlay(image, truth, truth, ''))
    assert strip.shape == (LINE + panel[0], 3 * panel[1] + 2 * GAP, 3)


def test_the_legend_has_a_line_more_if_it_is_needed():
    truth = labels(30, 30)
    right = draw_strip(Overlay(IMAGE, np.zeros_like(truth), truth * 0, ''))
    wrong = draw_strip(Overlay(IMAGE, labels(60, 50), truth, ''))
    assert right.shape[0] == LINE + SIZE[0]
    assert wrong.shape[0] == LINE + SIZE[0] + LINE
    names = tuple(f'a class with a long name {i}' for i in range(9))
    classes = ClassColours(names, ((0, 0, 200),) * 9)
    many = np.arange(9, dtype=np.uint8).repeat(SIZE[1] * SIZE[0] // 9 + 9)
    many = many[: SIZE[0] * SIZE[1]].reshape(SIZE)
    strip = draw_strip(Overlay(IMAGE, many, many, ''), classes)
    assert strip.shape[0] > LINE + SIZE[0] + LINE
    legend = strip[LINE + SIZE[0] :]
    assert (legend[:, -GAP:] == 255).all()  # nothing is cut off


def test_the_rows_are_left_as_they_were():
    truth = labels(30, 30)
    row = Overlay(IMAGE.copy(), labels(60, 50), truth.copy(), '')
    draw_strip(row)
    np.testing.assert_array_equal(row.image, IMAGE)
    np.testing.assert_array_equal(row.truth, truth)
