"""Blocks by kinds of layers, in the order of real networks."""

import numpy as np
import pytest

from gps_seg.sparse.summary import locate
from gps_seg.visualization.selection.place_matrix import (
    natural_order,
    place_matrix,
    short_names,
)

VIT = ('attn.qkv', 'attn.proj', 'ffn.layers.0.0', 'ffn.layers.1')
FAMILIES = {
    'mmpretrain ViT, BEiT and SAM': (
        'layers.{}',
        VIT,
        ['qkv', 'proj', 'fc1', 'fc2'],
        ['patch_embed.projection', 'channel_reduction.0'],
    ),
    'MMSegmentation ViT': (
        'layers.{}',
        (
            'attn.attn.in_proj_weight',
            'attn.attn.out_proj',
            'ffn.layers.0.0',
            'ffn.layers.1',
        ),
        ['qkv', 'proj', 'fc1', 'fc2'],
        ['patch_embed.projection'],
    ),
    'Swin': (
        'stages.1.blocks.{}',
        ('attn.w_msa.qkv', 'attn.w_msa.proj', *VIT[2:]),
        ['qkv', 'proj', 'fc1', 'fc2'],
        ['patch_embed.projection', 'stages.0.downsample.reduction'],
    ),
    'ConvNeXt': (
        'stages.2.{}',
        ('depthwise_conv', 'pointwise_conv1', 'pointwise_conv2'),
        ['dwconv', 'fc1', 'fc2'],
        ['downsample_layers.0.0', 'downsample_layers.1.1'],
    ),
    'MiT': (
        'layers.3.1.{}',
        (
            'attn.attn.in_proj_weight',
            'attn.attn.out_proj',
            'ffn.layers.0',
            'ffn.layers.1',
            'ffn.layers.4',
            'attn.sr',
        ),
        ['qkv', 'proj', 'fc1', 'ffn.layers.1', 'ffn.layers.4', 'attn.sr'],
        ['layers.3.0.projection'],
    ),
    'timm': (
        'blocks.{}',
        ('attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2'),
        ['qkv', 'proj', 'fc1', 'fc2'],
        ['patch_embed.proj'],
    ),
}


def name(path):
    return f'backbone.{path}' + ('' if path.endswith('_weight') else '.weight')


@pytest.mark.parametrize('family', FAMILIES)
def test_the_matrix_has_the_order_of_the_network(family):
    block, kinds, expected, outside = FAMILIES[family]
    blocks = [block.format(index) for index in range(12)]
    paths = [f'{block}.{kind}' for block in blocks for kind in kinds]
    numbers = {path: float(i) for i, path in enumerate([*paths, *outside])}
    # A selection iterates over its names in alphabetical order.
    matrix = place_matrix(
        {locate(name(path)): numbers[path] for path in sorted(numbers)}
    )
    assert matrix.blocks == blocks
    assert matrix.kinds == expected
    in_order = np.arange(12 * len(kinds)).reshape(12, len(kinds))
    np.testing.assert_array_equal(matrix.cells, in_order)
    assert set(matrix.rest) == {locate(name(p)) for p in outside}


def test_a_block_without_a_layer_has_a_gap():
    names = ['layers.0.attn.qkv', 'layers.0.fc1', 'layers.1.fc1']
    names += ['layers.1.fc2']
    places = {locate(name(path)): 1.0 for path in names}
    nan = np.nan
    expected = [[1, 1, nan], [nan, 1, 1]]
    np.testing.assert_array_equal(place_matrix(places).cells, expected)


def test_without_blocks_everything_has_a_row():
    numbers = {locate(name('fc')): 1.0, locate(name('layers.0.fc')): 2.0}
    matrix = place_matrix(numbers)
    assert matrix.blocks == ['(stem)', 'layers.0']
    assert matrix.cells.tolist() == [[1], [2]]
    assert not matrix.rest


def test_natural_order():
    names = ['b.10', 'b.2', '', 'b', 'a.b.1', 'b.2.1']
    expected = ['', 'a.b.1', 'b', 'b.2', 'b.2.1', 'b.10']
    assert sorted(names, key=natural_order) == expected


def test_two_kinds_of_one_short_name_keep_their_own():
    assert short_names(['a.proj', 'b.proj', 'qkv']) == [
        *('a.proj', 'b.proj', 'qkv'),
    ]
