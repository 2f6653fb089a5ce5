"""The official files of SAM, under the names of a segmentor."""

import csv
from pathlib import Path

import pytest
import torch

from gps_seg.models.sam.names import sam_architecture, sam_to_mmseg

# Name and shape of each tensor of sam_vit_b_01ec64.pth, as the package
# segment-anything 1.0 builds the model.
OFFICIAL = Path(__file__).with_name('sam_vit_b.csv')
LAST_BLOCK = 1
DECODER = 'decode_head.mask_decoder'


def shapes():
    with OFFICIAL.open() as file:
        for row in csv.DictReader(file):
            yield row['name'], [int(size) for size in row['shape'].split()]


def block_of(name):
    parts = name.split('.')
    return int(parts[2]) if parts[1] == 'blocks' else 0


@pytest.fixture(scope='module')
def official():
    """All but the later blocks, which are alike; half precision for speed."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator).half()
        for name, shape in shapes()
        if block_of(name) <= LAST_BLOCK
    }


@pytest.fixture(scope='module')
def converted(official):
    return sam_to_mmseg(official)


def test_every_tensor_is_renamed_once_or_dropped_for_prompts(
    official, converted
):
    tensors, report = converted
    assert [row.source for row in report] == list(official)
    dropped = {row.source for row in report if not row.target}
    assert dropped == {
        name
        for name in official
        if 'point' in name or 'mask_downscaling' in name
    }
    assert len(tensors) == len(official) - len(dropped)


@pytest.mark.parametrize(
    ('theirs', 'ours'),
    [
        ('image_encoder.pos_embed', 'backbone.pos_embed'),
        (
            'image_encoder.blocks.1.attn.rel_pos_w',
            'backbone.layers.1.attn.rel_pos_w',
        ),
        (
            'image_encoder.blocks.0.mlp.lin2.bias',
            'backbone.layers.0.ffn.layers.1.bias',
        ),
        ('image_encoder.neck.2.weight', 'backbone.channel_reduction.2.weight'),
        (
            'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix',
            'decode_head.frequencies',
        ),
        (
            'mask_decoder.transformer.layers.1.norm4.bias',
            f'{DECODER}.transformer.layers.1.layer_norm4.bias',
        ),
        (
            'mask_decoder.output_upscaling.3.weight',
            f'{DECODER}.upscale_conv2.weight',
        ),
        (
            'mask_decoder.output_hypernetworks_mlps.2.layers.1.weight',
            f'{DECODER}.output_hypernetworks_mlps.2.layers.0.weight',
        ),
    ],
)
def test_values_stay_under_the_new_name(official, converted, theirs, ours):
    assert torch.equal(converted[0][ours], official[theirs].float())


def test_the_sizes_are_those_of_vit_b(converted):
    assert sam_architecture(converted[0]) == dict(
        embed_dims=768,
        num_layers=LAST_BLOCK + 1,
        num_heads=12,
        patch_size=16,
        img_size=1024,
    )


def test_a_tensor_more_or_less_is_named(official):
    name = 'image_encoder.blocks.1.norm1.weight'
    less = {n: t for n, t in official.items() if n != name}
    with pytest.raises(ValueError, match=rf'1 missing \({name}\)'):
        sam_to_mmseg(less)
    with pytest.raises(ValueError, match=r'1 unknown \(mask_decoder.new\)'):
        sam_to_mmseg({**official, 'mask_decoder.new': torch.ones(1)})


def test_a_wrong_shape_is_named(official):
    name = 'mask_decoder.transformer.layers.0.mlp.lin2.weight'
    with pytest.raises(
        ValueError, match=rf'{name}: expected shape .256, 2048'
    ):
        sam_to_mmseg({**official, name: torch.ones(256, 2047)})


def test_each_class_starts_from_the_single_mask(official):
    tensors, _ = sam_to_mmseg(official, classes=5)
    tokens = tensors[f'{DECODER}.mask_tokens.weight']
    single = official['mask_decoder.mask_tokens.weight'][0].float()
    assert torch.equal(tokens, single.expand(6, 256))
    for kind in ('proj_in.weight', 'layers.0.bias', 'proj_out.weight'):
        mlps = f'{DECODER}.output_hypernetworks_mlps'
        first = tensors[f'{mlps}.0.{kind}']
        assert all(
            torch.equal(first, tensors[f'{mlps}.{n}.{kind}'])
            for n in range(1, 6)
        )
        assert f'{mlps}.6.{kind}' not in tensors
