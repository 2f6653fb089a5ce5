"""The same images for every variant, on as many pages as needed."""

import numpy as np
import pytest

from gps_seg.visualization import GridRow, chosen_images, plot_images


def row_with(names):
    labels = np.eye(6, 8, dtype=np.uint8)
    return GridRow(
        np.zeros((6, 8, 3), np.uint8),
        labels,
        dict.fromkeys(names, labels),
        'polyp 7',
        {name: f'Dice of {name}' for name in names} | {'truth': 'area'},
    )


@pytest.mark.parametrize(
    ('scores', 'expected'),
    [
        ([5, 1, 3, 2, 4], {'1': 'worst', '2': 'median', '0': 'best'}),
        ([1, 2], {'0': 'worst', '1': 'best'}),
        ([1], {'0': 'best'}),
    ],
)
def test_worst_median_and_best_are_chosen(scores, expected):
    names = {str(index): score for index, score in enumerate(scores)}
    assert chosen_images(names) == expected


def test_seven_variants_share_a_page(tmp_path, figures):
    names = [f'variant {i}' for i in range(16)]
    paths = plot_images([row_with(names)] * 2, tmp_path)
    assert [path.name for path in paths] == [
        'images.png',
        'images-2.png',
        'images-3.png',
    ]
    assert all(path.with_suffix('.svg').exists() for path in paths)
    assert len(figures) == 6
    shown = []
    for figure in figures[::2]:
        titles = [axes.get_title() for axes in figure.axes]
        titles = [title for title in titles if title]
        assert titles[:2] == ['image', 'ground truth']
        shown += titles[2:]
    assert shown == names
    captions = {axes.get_xlabel() for axes in figures[-1].axes}
    assert {'Dice of variant 14', 'Dice of variant 15'} <= captions


def test_without_images_there_is_no_picture(tmp_path):
    with pytest.raises(ValueError, match='one or more images, got none'):
        plot_images([], tmp_path)
