"""The picture of a benchmark: bars by method, numbers clear of them."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gps_seg.benchmark import plot_benchmark
from gps_seg.benchmark.counters import Bytes
from gps_seg.benchmark.results import MIB, Summary


def summary(label, seconds, saved, gradients, state, peak):
    return Summary(
        label,
        seconds,
        (0.9 * seconds, 1.2 * seconds),
        saved * MIB,
        Bytes(gradients * MIB, 1 * MIB),
        Bytes(state * MIB, 2 * MIB),
        Bytes(0, 0),
        None if peak is None else peak * MIB,
    )


ROWS = [
    summary('full', 2.0, 600, 330, 660, 1529),
    summary('linear', 0.8, 20, 0, 0, 25),
    summary('dense-mask k=1', 2.2, 600, 330, 660, 1822),
    summary('ours k=1', 1.7, 400, 1, 2, None),
]


@pytest.fixture
def figure(tmp_path, figures):
    plot_benchmark(ROWS, tmp_path / 'b.png', 'a title')
    return figures[0]


def test_bars_are_times_relative_to_full(figure):
    left, _ = figure.axes
    lengths = [bar.get_width() for bar in left.patches]
    assert lengths == pytest.approx([1, 0.4, 1.1, 0.85])
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == [row.label for row in ROWS]
    assert left.get_ylim()[0] > left.get_ylim()[1]  # full is on top


def test_the_stack_is_the_sum_in_mib(figure):
    _, right = figure.axes
    widths = [bar.get_width() for bar in right.patches]
    assert widths[:3] == [600, 331, 662]
    starts = [bar.get_x() for bar in right.patches]
    assert starts[:3] == [0, 600, 931]
    texts = [text.get_text() for text in right.texts]
    assert texts == [
        *('sum', 'peak', '1,593', '1,529', '23', '25'),
        *('1,593', '1,822', '406', ''),
    ]
    assert 'sum may exceed the peak' in right.get_xlabel()


def test_no_colour_stands_for_a_method_and_a_part(figure):
    left, right = figure.axes
    methods = [bar.get_facecolor() for bar in left.patches]
    parts = {bar.get_facecolor() for bar in right.patches}
    assert methods[0] == methods[1] == methods[2] != methods[3]
    assert not parts & set(methods)
    assert len(parts) == 3


def test_nothing_lies_on_a_number(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    left, right = figure.axes
    shown = [text for text in (*left.texts, *right.texts) if text.get_text()]
    shown += [*left.get_yticklabels(), left.xaxis.label, right.xaxis.label]
    shown += figure.legends[0].get_texts()
    boxes = [text.get_window_extent(renderer) for text in shown]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    numbers = [text.get_window_extent(renderer) for text in right.texts[2:]]
    for artist in (*right.patches, *right.lines):
        drawn = artist.get_window_extent(renderer)
        assert not any(box.overlaps(drawn) for box in numbers if box.width)


def test_without_full_times_are_milliseconds(tmp_path, figures):
    plot_benchmark(ROWS[3:], tmp_path / 'b.png', 'a title')
    left, _ = figures[0].axes
    assert [bar.get_width() for bar in left.patches] == [1700]
    assert left.get_xlabel() == 'step time (ms)'
    legend = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert 'measured peak' not in legend


def test_long_labels_stay_in_the_picture(tmp_path, figures):
    label = 'paca equal size mlps+with_cp (shipped)'
    rows = [*ROWS, summary(label, 1.5, 300, 1, 2, 400)]
    plot_benchmark(rows, tmp_path / 'b.png', 'a title')
    canvas = FigureCanvasAgg(figures[0])
    canvas.draw()
    left, right = figures[0].axes
    boxes = [
        text.get_window_extent(canvas.get_renderer())
        for text in (*left.get_yticklabels(), *right.texts)
        if text.get_text()
    ]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= figures[0].bbox.x1
