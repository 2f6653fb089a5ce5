"""The blocks of encoders, written out."""

import re

import pytest
from meta_models import without_storage
from small_encoders import small_task
from torch import nn

from gps_seg.peft import GRFT, Partial
from gps_seg.peft.numbered_blocks import blocks_of
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.registry import MODELS  # noqa: E402
from mmseg.utils import register_all_modules  # noqa: E402

register_all_modules(init_default_scope=False)
BLOCKS = {
    'ResNet': (
        dict(depth=18),
        [f'layer{stage}.{n}' for stage in (1, 2, 3, 4) for n in (0, 1)],
    ),
    'MixVisionTransformer': (
        dict(embed_dims=8, num_layers=[1, 1, 1, 2]),
        [f'layers.{n}' for n in ('0.1.0', '1.1.0', '2.1.0', '3.1.0', '3.1.1')],
    ),
    'SwinTransformer': (
        dict(embed_dims=8, depths=(2, 1, 1, 1), num_heads=(1,) * 4),
        [f'stages.{n}' for n in ('0.blocks.0', '0.blocks.1', '1.blocks.0')]
        + ['stages.2.blocks.0', 'stages.3.blocks.0'],
    ),
    'BEiT': (
        dict(embed_dims=16, num_layers=2, num_heads=2, img_size=32),
        ['layers.0', 'layers.1'],
    ),
    'mmpretrain.ConvNeXt': (
        dict(arch=dict(depths=[1, 2], channels=[8, 16]), out_indices=(1,)),
        ['stages.0.0', 'stages.1.0', 'stages.1.1'],
    ),
}


# BEiT's own.
@pytest.mark.filterwarnings('ignore:torch.meshgrid')
@pytest.mark.parametrize('encoder', BLOCKS)
def test_merging_layers_embeddings_and_norms_are_no_blocks(encoder):
    settings, expected = BLOCKS[encoder]
    with without_storage():
        backbone = MODELS.build(dict(type=encoder, **settings))
    model = nn.ModuleDict({'backbone': backbone, 'layers': nn.ModuleList()})
    model['layers'].append(nn.Linear(99, 99))  # of the head
    parameters = dict(model.named_parameters())
    assert blocks_of(parameters, 'backbone') == expected


@pytest.mark.parametrize('number', [3, 99])
def test_more_blocks_than_there_are(number):
    model = small_task('vit').model
    message = (
        "last_blocks: expected 1 to 2, the number of blocks of 'backbone' "
        f'(layers.0 to layers.1), got {number}.'
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        Partial(last_blocks=number).roles(model)


def test_an_encoder_without_blocks():
    model = nn.ModuleDict({'backbone': nn.Linear(4, 4)})
    message = "last_blocks: expected an encoder with .* got none in 'backb"
    with pytest.raises(ValueError, match=message):
        Partial().roles(model)


def test_grft_pulls_blocks_and_not_the_merging_between_them():
    model = small_task('swin').model
    pulled = GRFT(k=1, unit='row', penalty=1.0, last_blocks=3).pull(model)
    inside = {name.partition('.')[2] for name in pulled if name[0] == 'b'}
    assert {name.rpartition('.blocks.')[0] for name in inside} == {
        'stages.0',
        'stages.1',
    }
