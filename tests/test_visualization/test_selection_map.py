"""The picture of a selection, and the counts behind it."""

import numpy as np
import pytest
import torch
from PIL import Image

from gps_seg.sparse import Selection
from gps_seg.visualization import plot_selection
from gps_seg.visualization.selection_map import NUM_BINS, _blocks, bin_counts


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


def test_blocks_are_in_the_order_of_the_network():
    blocks = _blocks(random_selection(vit_shapes()))

    assert blocks == ['', *(f'layers.{index}' for index in range(12))]


def test_picture_is_drawn(tmp_path):
    selection = random_selection(vit_shapes(depth=3))

    path = plot_selection(selection, tmp_path / 's.png')

    with Image.open(path) as picture:
        assert picture.format == 'PNG'
        assert np.asarray(picture).std() > 10


def test_cells_hold_the_share_of_distinct_columns(tmp_path, figures):
    shapes = {
        'layers.2.fc.weight': (4, 8),
        'layers.10.fc.weight': (4, 8),
        'stem.weight': (2, 4),
    }
    selection = Selection(
        {
            'layers.2.fc.weight': torch.tensor([1, 9, 17]),  # column 1
            'layers.10.fc.weight': torch.tensor([0, 9]),  # columns 0, 1
            'stem.weight': torch.tensor([0, 1, 2, 3]),
        },
        {name: torch.Size(shape) for name, shape in shapes.items()},
    )

    plot_selection(selection, tmp_path / 's.png')

    cells = figures[0].axes[0]
    shares = cells.images[0].get_array()
    nan = np.nan
    expected = [[100, nan], [nan, 100 / 8], [nan, 200 / 8]]
    np.testing.assert_allclose(np.asarray(shares.filled(nan)), expected)
    numbers = {text.get_position(): text.get_text() for text in cells.texts}
    assert numbers == {(0, 0): '4', (1, 1): '1', (1, 2): '2'}
    blocks = [label.get_text() for label in cells.get_yticklabels()]
    assert blocks == ['(stem)', 'layers.2', 'layers.10']


@pytest.mark.parametrize(('kinds', 'maps'), [(1, 1), (6, 6), (11, 10)])
def test_maps_are_of_the_kinds_with_most_entries(
    tmp_path, figures, kinds, maps
):
    shapes = {f'part{i}.weight': (kinds - i, 4) for i in range(kinds)}

    plot_selection(random_selection(shapes), tmp_path / 's.png')

    titles = [axes.get_title() for axes in figures[0].axes]
    drawn = [title for title in titles if title.endswith('(stem)')]
    assert drawn == [f'part{i}\n(stem)' for i in range(maps)]


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
