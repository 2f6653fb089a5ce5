"""Names, columns and the table of a selection."""

import pytest
import torch

from gps_seg.sparse.selection import Selection
from gps_seg.sparse.summary import (
    distinct_columns,
    format_table,
    locate,
    summarize_selection,
    total_row,
)


@pytest.mark.parametrize(
    ('name', 'block', 'kind'),
    [
        ('backbone.layers.3.attn.qkv.weight', 'layers.3', 'attn.qkv'),
        (
            'backbone.stages.0.blocks.1.attn.w_msa.qkv.weight',
            'stages.0.blocks.1',
            'attn.w_msa.qkv',
        ),
        (
            'backbone.layers.3.ffn.layers.0.0.weight',
            'layers.3',
            'ffn.layers.0.0',
        ),
        (
            'backbone.patch_embed.projection.weight',
            '',
            'patch_embed.projection',
        ),
        (
            'layers.0.attn.attn.in_proj_weight',
            'layers.0',
            'attn.attn.in_proj',
        ),
        ('stages.0.1.pointwise_conv1.weight', 'stages.0.1', 'pointwise_conv1'),
        (
            'backbone.stages.2.downsample.reduction.weight',
            'stages.2',
            'downsample.reduction',
        ),
        (
            'backbone.downsample_layers.1.1.weight',
            '',
            'downsample_layers.1.1',
        ),
        (
            'backbone.layers.0.1.0.attn.attn.in_proj_weight',
            'layers.0.1.0',
            'attn.attn.in_proj',
        ),
        ('backbone.layer1.0.conv1.weight', 'layer1.0', 'conv1'),
        ('encoder.layers.11.mlp.0.weight', 'encoder.layers.11', 'mlp.0'),
        ('conv.weight', '', 'conv'),
        ('weight', '', 'weight'),
    ],
)
def test_block_and_kind_of_a_name(name, block, kind):
    assert locate(name) == (block, kind)


def selection_of(entries):
    """Name -> (shape, selected positions) as a selection."""
    return Selection(
        {name: torch.tensor(flat) for name, (_, flat) in entries.items()},
        {name: torch.Size(shape) for name, (shape, _) in entries.items()},
    )


@pytest.fixture
def selection():
    return selection_of(
        {
            'layers.0.fc.weight': ((2, 4), [1, 5]),  # one column, twice
            'layers.10.fc.weight': ((2, 4), [0, 7]),  # two columns
            'layers.0.a.weight': ((1, 3), [2]),
            'stem.weight': ((2, 1, 2, 2), [0, 5, 6]),  # fan-in 4
        }
    )


def test_columns_are_counted_once():
    flat = torch.tensor([0, 2, 5, 8, 11])  # columns 0, 2, 0, 3, 1 of 5

    assert distinct_columns(flat, torch.Size((3, 5))) == 4
    assert distinct_columns(flat, torch.Size((3, 1, 5))) == 4
    assert distinct_columns(torch.tensor([], dtype=int), torch.Size((3,))) == 0


def test_one_row_per_kind_stem_first(selection):
    stem, *rows = summarize_selection(selection)

    # The stem is a convolution: its gradient is formed densely.
    assert stem == ('stem', 1, 3, 8, 3, 3 / 4, 0)
    assert rows == [
        ('a', 1, 1, 3, 1, 1 / 3, 1),
        ('fc', 2, 4, 16, 1.5, 3 / 8, 2),
    ]
    assert rows[1].density == 4 / 16


def test_total_adds_entries_and_averages_columns(selection):
    total = total_row(summarize_selection(selection))

    assert total[:4] == ('total', 4, 8, 27)
    assert total.mean_columns == (3 + 1 + 1 + 2) / 4
    assert total.column_share == pytest.approx(
        (3 / 4 + 1 / 3 + 1 / 4 + 2 / 4) / 4
    )
    assert total.num_compressed == 3


def test_most_columns_are_too_many_to_compress():
    flat = list(range(9))  # 9 of 10 columns
    (row,) = summarize_selection(selection_of({'fc.weight': ((1, 10), flat)}))
    assert row.num_compressed == 0


def test_table_is_aligned_and_ends_with_the_total(selection):
    head, *lines = format_table(summarize_selection(selection)).splitlines()

    assert head.split()[:3] == ['kind', 'tensors', 'selected']
    assert [line.split()[0] for line in lines] == ['stem', 'a', 'fc', 'total']
    assert ' '.join(lines[2].split()) == 'fc 2 4 25.000 % 1.5 37.5 % 2/2'
    assert {len(line) for line in lines} == {len(head)}


def test_total_of_nothing_is_refused():
    with pytest.raises(ValueError, match='rows: expected one or more kinds'):
        format_table([])
