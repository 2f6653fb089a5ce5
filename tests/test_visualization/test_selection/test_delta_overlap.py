"""The picture of an overlap: its cells against counts by hand."""

import numpy as np
import pytest
import torch
from PIL import Image

from gps_seg.delta import Delta
from gps_seg.delta.change import Change
from gps_seg.delta.values import Exact
from gps_seg.visualization.selection.delta_overlap import plot_overlap

NAMES = (
    'backbone.layers.2.fc.weight',
    'backbone.layers.10.fc.weight',
    'backbone.layers.10.qkv.weight',
    'backbone.stem.weight',
)


def make_delta(*entries):
    """A delta with these flat indices in the weights of `NAMES`."""
    changes = {
        name: Change(
            torch.Size([4, 8]),
            torch.float32,
            Exact(torch.zeros(len(flat))),
            torch.tensor(flat, dtype=torch.int64),
            '0' * 32,
        )
        for name, flat in zip(NAMES, entries, strict=False)
    }
    return Delta(changes)


@pytest.fixture
def deltas():
    return [
        make_delta([0, 1, 2, 3], [5, 6], [0], [9]),
        make_delta([2, 3, 4, 5], [5, 6], [1], [9]),
        make_delta([3, 20, 21, 22], [6, 7], [2], [8]),
    ]


def cells(axes):
    return np.asarray(axes.images[0].get_array().filled(np.nan))


def labels(ticks):
    return [label.get_text() for label in ticks]


def test_pairs_are_shares_of_common_entries(deltas, figures, tmp_path):
    plot_overlap(deltas, ['a', 'b', 'c'], tmp_path / 'o.png')

    pairs = figures[0].axes[1]
    nan = np.nan
    # a & b: 2 + 2 + 0 + 1 common of 6 + 2 + 2 + 1; a & c: 1 + 1 of
    # 7 + 3 + 2 + 2; b & c: 1 + 1 of 7 + 3 + 2 + 2.
    ab, ac, bc = 500 / 11, 200 / 14, 200 / 14
    expected = [[nan, ab, ac], [ab, nan, bc], [ac, bc, nan]]
    np.testing.assert_allclose(cells(pairs), expected)
    assert labels(pairs.get_xticklabels()) == ['a', 'b', 'c']
    written = {t.get_position(): t.get_text() for t in pairs.texts}
    assert written[(0, 0)] == '8'  # entries of a
    assert written[(1, 0)] == f'{ab:.1f}'


def test_places_are_shares_common_to_all(deltas, figures, tmp_path):
    plot_overlap(deltas, ['a', 'b', 'c'], tmp_path / 'o.png')

    places = figures[0].axes[0]
    # Of the four weights only those of layers.10 make a block of two.
    np.testing.assert_allclose(cells(places), [[0, 100 / 3]])
    assert labels(places.get_yticklabels()) == ['layers.10']
    assert labels(places.get_xticklabels()) == ['qkv', 'fc']
    outside = 'outside the blocks: 1 of 11 are common'
    assert places.get_xlabel() == outside


def test_two_deltas_have_no_matrix_of_pairs(deltas, figures, tmp_path):
    plot_overlap(deltas[:2], ['a', 'b'], tmp_path / 'o.png')

    assert len([axes for axes in figures[0].axes if axes.images]) == 1


def test_the_title_has_what_random_selections_would_share(figures, tmp_path):
    pair = [make_delta(range(24)), make_delta(range(8, 32))]

    plot_overlap(pair, ['a', 'b'], tmp_path / 'o.png')
    plot_overlap([make_delta([0])] * 2, ['a', 'b'], tmp_path / 'o.png')

    first, second = (figure.get_suptitle() for figure in figures)
    assert first.startswith('16 of 32 selected entries are common to both')
    assert first.endswith('would share about 18')  # 32 * (24 / 32) ** 2
    assert second.endswith('would share less than 1')


@pytest.mark.parametrize('count', [2, 12])
def test_picture_is_drawn(tmp_path, count):
    many = [make_delta([i, i + 1], [3], [i], [7]) for i in range(count)]

    path = plot_overlap(
        many, [f'task {i}' for i in range(count)], tmp_path / 'o.png'
    )

    with Image.open(path) as picture:
        assert picture.format == 'PNG'
        assert np.asarray(picture).std() > 10


def test_deltas_without_common_entries_are_drawn(tmp_path):
    pair = [make_delta([0]), make_delta([1])]

    assert plot_overlap(pair, ['a', 'b'], tmp_path / 'o.png').is_file()


@pytest.mark.parametrize(
    ('count', 'names', 'reason'),
    [
        (1, ['a'], 'two or more'),
        (2, ['a'], 'one per delta'),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, count, names, reason):
    with pytest.raises(ValueError, match=reason):
        plot_overlap([make_delta([0])] * count, names, tmp_path / 'o.png')
    assert not list(tmp_path.iterdir())


def test_deltas_without_selection_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match='got only tensors that are replaced whole'
    ):
        plot_overlap([make_delta()] * 2, ['a', 'b'], tmp_path / 'o.png')
