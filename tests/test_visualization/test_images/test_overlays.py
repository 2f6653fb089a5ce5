"""Overlays: the colours say what the labels say."""

import numpy as np
import pytest
from PIL import Image

from gps_seg.visualization import ClassColours, Overlay, plot_overlays
from gps_seg.visualization.images.class_colours import MOST_NAMES
from gps_seg.visualization.images.errors import COLOURS, UNCHECKED, paint
from gps_seg.visualization.images.label_maps import UNKNOWN

GREY = 100
# The 25th, 50th and 75th percentile of each channel over polyps of Kvasir-SEG.
MUCOSA = ((178, 90, 54), (213, 115, 82), (236, 149, 113))
# Machado et al. 2009, full severity; they act on linear RGB.
SIGHTS = {
    'normal': np.eye(3),
    'protanopia': [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    'deuteranopia': [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    'tritanopia': [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# Of CIELAB; 2.3 is just noticeable side by side.
CLEARLY_APART = 20


def blend(name):
    colour = np.array(list(bytes.fromhex(COLOURS[name][1:])))
    return (0.45 * GREY + 0.55 * colour).round()


def image_of(labels):
    return np.full((*labels.shape, 3), GREY, dtype=np.uint8)


def overlay(prediction, truth, title='a'):
    prediction = np.array(prediction)
    truth = None if truth is None else np.array(truth)
    return Overlay(image_of(prediction), prediction, truth, title)


@pytest.mark.parametrize(
    ('predicted', 'true', 'name'),
    [
        (1, 1, None),
        (1, 0, 'false positive'),
        (2, 1, 'false positive'),  # another class
        (0, 1, 'false negative'),
        (0, 0, None),
        (1, UNKNOWN, None),
        (0, UNKNOWN, None),
    ],
)
def test_colour_of_a_pixel(predicted, true, name):
    prediction = np.array([[predicted]], dtype=np.uint8)
    truth = np.array([[true]], dtype=np.uint8)

    painted = paint(image_of(prediction), prediction, truth)

    expected = [GREY] * 3 if name is None else blend(name)
    assert painted.dtype == np.uint8
    np.testing.assert_allclose(painted[0, 0], expected, atol=1)


def test_prediction_without_truth_has_one_colour():
    prediction = np.array([[0, 1]])

    painted = paint(image_of(prediction), prediction, None)

    np.testing.assert_allclose(painted[0, 0], GREY)
    np.testing.assert_allclose(painted[0, 1], blend(UNCHECKED), atol=1)


def lab(rgb):
    """CIELAB under D65 of linear RGB."""
    to_xyz = np.array(
        [
            [0.4124, 0.3576, 0.1805],
            [0.2126, 0.7152, 0.0722],
            [0.0193, 0.1192, 0.9505],
        ]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / (0.9505, 1, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def linear(rgb):
    share = np.asarray(rgb) / 255
    low, high = share / 12.92, ((share + 0.055) / 1.055) ** 2.4
    return np.where(share <= 0.04045, low, high)


@pytest.mark.parametrize('sight', SIGHTS)
@pytest.mark.parametrize('shade', MUCOSA)
def test_right_and_wrong_differ_for_every_colour_vision(sight, shade):
    image = np.full((1, 3, 3), shade, dtype=np.uint8)
    right, false_positive, false_negative = (0, 1, 2)
    painted = paint(image, np.array([[1, 1, 0]]), np.array([[1, 0, 1]]))[0]
    unchecked = paint(image, np.array([[1, 1, 1]]), None)[0, 0]
    seen = [
        lab(SIGHTS[sight] @ linear(colour)) for colour in (*painted, unchecked)
    ]
    for one, other in (
        (right, false_positive),
        (right, false_negative),
        (false_positive, false_negative),
        (right, 3),
    ):
        assert np.linalg.norm(seen[one] - seen[other]) > CLEARLY_APART


def test_the_legend_names_what_can_be_seen(tmp_path, figures):
    ones, none = [[0, 1], [0, 1]], [[0, 0], [0, 0]]
    outline = 'ground truth'
    for prediction, truth, names in (
        (ones, ones, [outline]),
        (none, ones, [outline, 'false negative']),
        (ones, none, ['false positive']),
        (ones, None, [UNCHECKED]),
        (
            [[1, 0], [0, 0]],
            ones,
            [outline, 'false positive', 'false negative'],
        ),
    ):
        plot_overlays([overlay(prediction, truth)], tmp_path / 'x.png')
        (legend,) = figures[-1].legends
        assert [text.get_text() for text in legend.get_texts()] == names
    plot_overlays([overlay(none, none)], tmp_path / 'x.png')
    assert not figures[-1].legends


def test_input_is_not_painted_over():
    row = overlay([[1]], [[1]])

    paint(row.image, row.prediction, row.truth)

    assert (row.image == GREY).all()


def test_empty_full_and_missing_masks_are_drawn(tmp_path):
    zeros, ones = np.zeros((8, 9), int), np.ones((8, 9), int)
    half = zeros.copy()
    half[2:5, 2:5] = 1
    rows = [
        overlay(half, zeros),
        overlay(half, ones),
        overlay(half, None),
        overlay(zeros, half),
        overlay(half, np.full((8, 9), UNKNOWN)),
    ]

    path = plot_overlays(rows, tmp_path / 'x.png')

    with Image.open(path) as picture:
        assert picture.format == 'PNG'


def test_images_beyond_nine_start_another_band(tmp_path, figures):
    rows = [overlay(np.eye(4, dtype=int), np.eye(4, dtype=int))] * 10

    plot_overlays(rows, tmp_path / 'x.png')

    panels = [axes for axes in figures[0].axes if axes.images]
    assert len(panels) == 3 * 10
    lines = {axes.get_subplotspec().rowspan.start for axes in panels}
    columns = {axes.get_subplotspec().colspan.start for axes in panels}
    assert (len(lines), len(columns)) == (2 * 3, 9)


def test_classes_take_the_place_of_right_and_wrong(tmp_path, figures):
    classes = ClassColours(
        ('wall', 'sky', 'tree'), ((0, 0, 0), (0, 0, 200), (0, 200, 0))
    )
    rows = [overlay([[2, 1]], [[2, UNKNOWN]])]

    plot_overlays(rows, tmp_path / 'x.png', classes)

    image, truth, prediction = (
        np.asarray(axes.images[0].get_array()) for axes in figures[0].axes
    )
    assert (image == GREY).all()
    # Two fifths of the image, three of the colour or of a grey of 150.
    tree, sky, unknown = [40, 160, 40], [40, 40, 160], [130] * 3
    assert truth.tolist() == [[tree, unknown]]
    assert prediction.tolist() == [[tree, sky]]
    names = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert names == ['tree', 'sky']


def test_a_legend_names_the_largest_classes():
    count = MOST_NAMES + 3
    names = tuple(f'class {index}' for index in range(count))
    classes = ClassColours(names, ((0, 0, 0),) * count)
    labels = np.repeat(np.arange(count), np.arange(count))  # 0 is absent

    handles = classes.legend([labels, np.array([UNKNOWN])])

    largest = [f'class {count - 1 - index}' for index in range(MOST_NAMES)]
    assert [h.get_label() for h in handles] == [*largest, 'and 2 more']


@pytest.mark.parametrize(
    'metainfo',
    [
        {},
        {'classes': None, 'palette': None},
        {'classes': ('background', 'polyp'), 'palette': [[0] * 3] * 2},
        {'classes': ('a', 'b', 'c'), 'palette': [[0] * 3] * 2},
        {'classes': ('a', 'b', 'c')},
    ],
)
def test_what_has_no_class_colours(metainfo):
    assert ClassColours.from_metainfo(metainfo) is None


def test_colours_that_do_not_fit_the_names():
    with pytest.raises(ValueError, match='expected 2, one per class'):
        ClassColours(('a', 'b'), ((0, 0, 0),))


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(ValueError, match='rows: expected one or more images'):
        plot_overlays([], tmp_path / 'x.png')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('image', 'prediction', 'truth', 'message'),
    [
        (np.zeros((2, 3, 3)), (2, 3), (2, 3), 'expected uint8'),
        (np.zeros((2, 3), np.uint8), (2, 3), (2, 3), r'\(height, width, 3\)'),
        (np.zeros((2, 3, 3), np.uint8), (3, 2), (2, 3), r'image, \(2, 3\)'),
        (np.zeros((2, 3, 3), np.uint8), (2, 3), (3, 2), r'\(polyp 7\)'),
    ],
)
def test_wrong_arrays_are_refused(image, prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        Overlay(image, np.zeros(prediction), np.zeros(truth), 'polyp 7')
