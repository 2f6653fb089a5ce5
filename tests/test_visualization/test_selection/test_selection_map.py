"""The picture of a selection, and the counts behind it."""

import itertools

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from gps_seg.sparse import Selection
from gps_seg.visualization import plot_selection
from gps_seg.visualization.selection.selection_map import NUM_BINS, bin_counts


def random_selection(shapes, k=1):
    indices = {}
    for name, shape in shapes.items():
        fan_in = torch.Size(shape[1:]).numel()
        columns = torch.rand(shape[0], fan_in).topk(min(k, fan_in)).indices
        rows = torch.arange(shape[0])[:, None] * fan_in
        indices[name] = (rows + columns).flatten().sort().values
    sizes = {name: torch.Size(shape) for name, shape in shapes.items()}
    return Selection(indices, sizes)


def vit_shapes(depth=12, width=16):
    shapes = {'backbone.patch_embed.projection.weight': (width, 3, 4, 4)}
    for index in range(depth):
        block = f'backbone.layers.{index}'
        shapes[f'{block}.attn.qkv.weight'] = (3 * width, width)
        shapes[f'{block}.ffn.layers.0.0.weight'] = (4 * width, width)
        shapes[f'{block}.ffn.layers.1.weight'] = (width, 4 * width)
    return shapes


@pytest.mark.parametrize('shape', [(3, 5), (64, 64), (100, 70), (1, 500)])
def test_bins_hold_every_entry_where_it_lies(shape):
    count = shape[0] * shape[1]
    flat = torch.randperm(count)[: count // 3].sort().values
    bins = tuple(min(size, NUM_BINS) for size in shape)
    expected = np.zeros(bins, int)
    for index in flat.tolist():
        row, column = divmod(index, shape[1])
        expected[
            int(bins[0] * row / shape[0]), int(bins[1] * column / shape[1])
        ] += 1

    np.testing.assert_array_equal(bin_counts(flat, shape), expected)


def texts(artists):
    return [artist.get_text() for artist in artists]


def test_picture_is_drawn(tmp_path):
    selection = random_selection(vit_shapes(depth=3))

    path = plot_selection(selection, tmp_path / 's.png')

    with Image.open(path) as picture:
        assert picture.format == 'PNG'
        assert np.asarray(picture).std() > 10


def test_cells_hold_the_distinct_inputs_and_their_share(tmp_path, figures):
    shapes = {
        'layers.2.qkv.weight': (4, 8),
        'layers.2.fc1.weight': (4, 4),
        'layers.10.qkv.weight': (4, 8),
        'layers.10.fc1.weight': (4, 4),
        'stem.weight': (2, 4),
    }
    selection = Selection(
        {
            'layers.2.qkv.weight': torch.tensor([1, 9, 17]),  # column 1
            'layers.2.fc1.weight': torch.tensor([], dtype=torch.int64),
            'layers.10.qkv.weight': torch.tensor([0, 9]),  # columns 0, 1
            'layers.10.fc1.weight': torch.tensor([0, 1, 2, 7]),
            'stem.weight': torch.tensor([0, 1, 2, 3]),
        },
        {name: torch.Size(shape) for name, shape in shapes.items()},
    )

    plot_selection(selection, tmp_path / 's.png')

    blocks, example, bar, other_bar = figures[0].axes
    shares = np.asarray(blocks.images[0].get_array())
    np.testing.assert_allclose(shares, [[100 / 8, 0], [200 / 8, 100]])
    numbers = {text.get_position(): text.get_text() for text in blocks.texts}
    assert numbers == {(0, 0): '1', (1, 0): '0', (0, 1): '2', (1, 1): '4'}
    assert texts(blocks.get_yticklabels()) == ['layers.2', 'layers.10']
    assert texts(blocks.get_xticklabels()) == ['qkv', 'fc1']
    assert blocks.get_xlabel() == 'outside the blocks: stem: 4'
    # One of each: a matrix of the blocks, a weight, and their colour bars.
    assert [len(axes.images) for axes in (blocks, example)] == [1, 1]
    units = [bar.get_ylabel(), other_bar.get_ylabel()]
    assert units[0] == "% of the layer's inputs"
    assert units[1].startswith('connections per cell')


def test_the_example_is_of_the_middle_of_the_network(tmp_path, figures):
    selection = random_selection(vit_shapes(depth=12))

    plot_selection(selection, tmp_path / 's.png')

    _, example, *_ = figures[0].axes
    title = example.get_title(loc='left')
    assert title == 'example: layers.6 fc1, 64 connections'
    shape = selection.shapes['backbone.layers.6.ffn.layers.0.0.weight']
    counts = np.asarray(example.images[0].get_array())
    assert counts.sum() == 64
    assert example.images[0].get_extent() == [0, shape[1], shape[0], 0]


@pytest.mark.parametrize(
    ('shapes', 'title'),
    [
        ({'fc.weight': (4, 8)}, '4 of 32 weights selected (12.5 %)'),
        (
            {'fc.weight': (1500, 1000)},
            '1,500 of 1.5 M weights selected (0.1 %)',
        ),
    ],
)
def test_the_title_counts(tmp_path, figures, shapes, title):
    plot_selection(random_selection(shapes), tmp_path / 's.png')

    assert figures[0].get_suptitle() == title


def test_many_places_outside_the_blocks_are_counted(tmp_path, figures):
    shapes = vit_shapes(depth=2) | {
        f'part{i}.weight': (6 - i, 4) for i in range(6)
    }

    plot_selection(random_selection(shapes), tmp_path / 's.png')

    note = figures[0].axes[0].get_xlabel()
    expected = 'patch_embed.projection: 16, part0: 6, part1: 5, 4 more'
    assert note == f'outside the blocks: {expected}'


@pytest.mark.parametrize('depth', [1, 12, 32])
def test_letters_can_be_read_and_do_not_touch(tmp_path, figures, depth):
    plot_selection(random_selection(vit_shapes(depth)), tmp_path / 's.png')
    (figure,) = figures
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    shown = [
        text
        for axes in figure.axes
        for text in axes.findobj(Text)
        if text.get_visible() and text.get_text()
    ]
    assert min(text.get_fontsize() for text in shown) >= 8
    for axis in (
        axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)
    ):
        boxes = [
            label.get_window_extent(canvas.get_renderer())
            for label in axis.get_ticklabels()
            if label.get_text()
        ]
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)


def test_weight_without_a_selected_entry_is_drawn(tmp_path):
    selection = Selection(
        {'fc.weight': torch.tensor([], dtype=torch.int64)},
        {'fc.weight': torch.Size((4, 4))},
    )

    assert plot_selection(selection, tmp_path / 's.png').is_file()


def test_empty_selection_is_refused(tmp_path):
    with pytest.raises(ValueError, match='expected one or more kinds'):
        plot_selection(Selection({}, {}), tmp_path / 's.png')
    assert not list(tmp_path.iterdir())
