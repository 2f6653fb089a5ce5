"""Names beside points do not cover one another."""

import itertools

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gps_seg.visualization.comparison.labels import name_points
from gps_seg.visualization.figure import new_figure


def boxes_of(points, names, lines=()):
    """Boxes of the names, in pixels, and the axes."""
    figure = new_figure(6, 5)
    axes = figure.subplots()
    axes.plot(*zip(*points, strict=True), 'o')
    axes.margins(0.2)
    figure.draw_without_rendering()
    name_points(axes, points, names, lines)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    # The box of an annotation includes its arrow; that of its text does not.
    found = {
        text.get_text(): super(type(text), text).get_window_extent(renderer)
        for text in axes.texts
    }
    return found, axes


def overlap(one, other):
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0, width) * max(0, height)


def test_names_of_crowded_points_do_not_overlap():
    generator = np.random.default_rng(0)
    points = generator.normal(0, 1, (15, 2)).tolist()
    points += [[0.01 * i, 0.01 * i] for i in range(4)]  # on one spot
    boxes, axes = boxes_of(points, [f'variant {i}' for i in range(19)])
    assert len(boxes) == 19
    for one, other in itertools.combinations(boxes.values(), 2):
        assert overlap(one, other) < 1
    room = axes.get_window_extent()
    for box in boxes.values():
        assert overlap(box, room) > 0.999 * box.width * box.height


def test_a_lonely_name_stands_right_of_its_point():
    boxes, axes = boxes_of([(1, 1)], ['gps'])
    box = boxes['gps']
    x, y = axes.transData.transform((1, 1))
    assert 0 < box.x0 - x < 15
    assert box.y0 < y < box.y1


def test_a_name_keeps_clear_of_a_line_if_it_can():
    points = [(0.0, 0.0), (1.0, 1.0)]
    line = ((0.0, 0.0), (1.0, 0.0))  # to the right of the first point
    boxes, axes = boxes_of(points, ['gps', 'full'], [line])
    x, _ = axes.transData.transform(points[0])
    assert boxes['gps'].x1 < x


def test_a_name_covers_lines_rather_than_going_far():
    # Only farther away there is room between the lines.
    lines = [((x, 0.0), (x, 2.0)) for x in np.linspace(0.7, 1.3, 10)]
    points = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]
    boxes, axes = boxes_of(points, ['gps', 'full', 'bias'], lines)
    x, y = axes.transData.transform((1.0, 1.0))
    box = boxes['full']
    assert max(box.x0 - x, x - box.x1, box.y0 - y, y - box.y1) < 20


def test_a_name_far_from_its_point_has_a_line_to_it():
    points = [(0.001 * i, 0.0) for i in range(12)]
    boxes, axes = boxes_of(
        points, [f'a rather long name {i}' for i in range(12)]
    )
    arrows = [text for text in axes.texts if text.arrow_patch is not None]
    assert 0 < len(arrows) < len(boxes)
