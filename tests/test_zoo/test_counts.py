"""Exact counts at full size, of encoders built without weights.

With k=1 one connection of each neuron is selected. A ViT of width d has d
neurons in its patch embedding and (3 + 1 + 4 + 1) d in each block, and as
many biases.
"""

from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config

from gps_seg.runs.counting.counts import count_config

CONFIGS = Path(mmseg.__file__).parent / '.mim/configs'
COUNTS = {
    # Encoder: selected with k=1, biases.
    ('VisionTransformer', 'deit-tiny'): (20_928, 20_928),
    ('VisionTransformer', 'deit-small'): (41_856, 41_856),
    ('VisionTransformer', 'base'): (83_712, 83_712),
    ('VisionTransformer', 'large'): (222_208, 222_208),
    ('SwinTransformer', 'tiny'): (41_184, 39_840),
    ('SwinTransformer', 'base'): (110_208, 108_416),
    ('ConvNeXt', 'tiny'): (41_184, 41_184),
    ('ConvNeXt', 'base'): (110_208, 110_208),
    # The two convolutions of its neck have norms in place of biases.
    ('ViTSAM', 'base'): (84_224, 83_712),
    # One bias each for queries and values, none for keys.
    ('BEiTViT', 'base'): (83_712, 83_712 - 12 * 768),
}


def config(encoder, arch, rules=()):
    method = dict(type='gps', k=1, rules=list(rules))
    backbone = dict(type=encoder, arch=arch)
    return Config(
        dict(
            default_scope='mmpretrain',
            model=dict(type='ImageClassifier', backbone=backbone),
            custom_hooks=[dict(type='PeftHook', method=method)],
        )
    )


def row(module, attribute):
    return dict(module=module, attribute=attribute, role='whole')


@pytest.mark.parametrize('encoder', COUNTS, ids='-'.join)
def test_one_entry_and_one_bias_per_neuron(encoder):
    total = count_config(config(*encoder)).total
    assert (total.selected, total.whole) == COUNTS[encoder]


@pytest.mark.parametrize(
    ('encoder', 'rule', 'more'),
    [
        # What the published code trains besides, as it goes by names.
        (
            ('SwinTransformer', 'base'),
            row('WindowMSA', 'relative_position_bias_table'),
            63_544,
        ),
        (('ConvNeXt', 'base'), row('ConvNeXtBlock', 'gamma'), 18_048),
        (('ViTSAM', 'base'), row('LayerNorm2d', 'bias'), 512),
        # BitFit trains the biases of norms.
        (('VisionTransformer', 'base'), row('LayerNorm', 'bias'), 25 * 768),
    ],
)
def test_rows_add_what_they_are_about(encoder, rule, more):
    total = count_config(config(*encoder, rules=[rule])).total
    selected, biases = COUNTS[encoder]
    assert (total.selected, total.whole) == (selected, biases + more)


# What the host warns about in its own models is not ours.
@pytest.mark.filterwarnings('ignore', 'error:::gps_seg')
@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        # MMSegmentation's own ViT has no bias in the patch embedding.
        (
            'setr/setr_vit-l_pup_8xb2-160k_ade20k-512x512.py',
            (222_208, 222_208 - 1024),
        ),
        (
            'swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_'
            'ade20k-512x512.py',
            (41_184, 39_840),
        ),
    ],
)
def test_segmentors_of_the_zoo(path, expected):
    total = count_config(Config.fromfile(CONFIGS / path)).total
    assert (total.selected, total.whole) == expected
