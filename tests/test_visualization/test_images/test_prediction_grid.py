"""Images as several models predict them: a row each, no panel twice."""

import numpy as np
import pytest

from gps_seg.visualization import (
    ClassColours,
    GridRow,
    plot_prediction_grid,
)
from gps_seg.visualization.images.errors import paint

NAMES = ['before', 'gps k=1']


def row(truth=True, names=NAMES, size=(6, 8), title='polyp 7', **more):
    labels = np.zeros(size, np.uint8)
    labels[2:4, 2:5] = 1
    guess = np.roll(labels, 1, axis=1)
    image = np.arange(np.prod(size) * 3, dtype=np.uint8).reshape(*size, 3)
    return GridRow(
        image,
        labels if truth else None,
        dict.fromkeys(names, guess),
        title,
        **more,
    )


def panel(axes):
    return np.asarray(axes.images[0].get_array())


def test_each_image_and_truth_stand_once_in_a_row(tmp_path, figures):
    rows = [row(), row(size=(9, 8), title='polyp 8')]
    plot_prediction_grid(rows, tmp_path / 'g.png')
    axes = figures[0].axes
    assert len(axes) == 2 * (2 + len(NAMES))
    for line, drawn in zip([axes[:4], axes[4:]], rows, strict=True):
        places = [a.get_subplotspec() for a in line]
        assert [place.colspan.start for place in places] == [0, 1, 2, 3]
        assert len({place.rowspan.start for place in places}) == 1
        np.testing.assert_array_equal(panel(line[0]), drawn.image)
        np.testing.assert_array_equal(panel(line[1]), drawn.image)
        assert [len(a.collections) for a in line] == [0, 1, 1, 1]
        for a, guess in zip(line[2:], drawn.predictions.values(), strict=True):
            expected = paint(drawn.image, guess, drawn.truth)
            np.testing.assert_array_equal(panel(a), expected)


def test_names_stand_at_the_edges_and_captions_below(tmp_path, figures):
    captions = {'gps k=1': 'Dice 81.0'}
    plot_prediction_grid(
        [row(captions=captions), row(title='polyp 8\nbest')],
        tmp_path / 'g.png',
    )
    first, second = figures[0].axes[:4], figures[0].axes[4:]
    names = ['image', 'ground truth', *NAMES]
    assert [axes.get_title() for axes in first] == names
    assert not any(axes.get_title() for axes in second)
    assert first[0].get_ylabel() == 'polyp 7'
    assert second[0].get_ylabel() == 'polyp 8\nbest'
    below = [axes.get_xlabel() for axes in first]
    assert below == ['', '', '', 'Dice 81.0']


def test_the_legend_has_what_occurs(tmp_path, figures):
    plot_prediction_grid([row()], tmp_path / 'g.png')
    plot_prediction_grid([row(truth=False)], tmp_path / 'g.png')
    right = row()
    plot_prediction_grid(
        [GridRow(right.image, right.truth, {'gps': right.truth})],
        tmp_path / 'g.png',
    )
    legends = [
        [text.get_text() for text in figure.legends[0].get_texts()]
        for figure in figures
    ]
    assert legends == [
        ['ground truth', 'false positive', 'false negative'],
        ['prediction, no ground truth'],
        ['ground truth'],
    ]


def test_without_a_truth_the_panel_says_so(tmp_path, figures):
    plot_prediction_grid([row(truth=False)], tmp_path / 'g.png')
    texts = [text.get_text() for text in figures[0].axes[1].texts]
    assert texts == ['no ground truth']


def test_classes_have_their_colours(tmp_path, figures):
    classes = ClassColours(
        ('wall', 'sky', 'tree'), ((0, 0, 0), (0, 0, 200), (0, 200, 0))
    )
    drawn = row()
    plot_prediction_grid([drawn], tmp_path / 'g.png', classes)
    axes = figures[0].axes
    expected = classes.paint(drawn.image, drawn.truth)
    np.testing.assert_array_equal(panel(axes[1]), expected)
    assert not any(a.collections for a in axes)
    names = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert names == ['wall', 'sky']


def test_long_names_keep_both_ends(tmp_path, figures):
    long = 'a' * 30 + 'z' * 30
    drawn = row(names=[long], title=long)
    plot_prediction_grid([drawn], tmp_path / 'g.png')
    axes = figures[0].axes
    for text in (axes[0].get_ylabel(), axes[2].get_title()):
        assert len(text) < 30
        assert text.startswith('aaa') and '…' in text and text.endswith('zz')


def test_the_models_of_all_rows_are_the_same(tmp_path):
    rows = [row(), row(names=NAMES[::-1])]
    with pytest.raises(ValueError, match=r"\['before', 'gps k=1'\] for each"):
        plot_prediction_grid(rows, tmp_path / 'g.png')
    with pytest.raises(ValueError, match='expected one or more images'):
        plot_prediction_grid([], tmp_path / 'g.png')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        ({'names': []}, 'predictions: expected one or more'),
        ({'captions': {'gps k=2': 'x'}}, r"captions of \['gps k=2'\]"),
    ],
)
def test_wrong_rows_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        row(**changed)


def test_a_prediction_of_another_size_is_named():
    image = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(ValueError, match=r'gps: expected a label map of the'):
        GridRow(image, None, {'gps': np.zeros((6, 4))}, 'polyp 7')
