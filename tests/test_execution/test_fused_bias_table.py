"""Attention with a table of positions, one layer at a time."""

import copy

import pytest
import torch
from small_encoders import small_model

from gps_seg.execution import fuse_attention

GRID = (2, 3)
TOKENS = 7  # with the class token


def layer(package, **settings):
    small_model('vit')  # registers the classes of all packages
    if package == 'mmseg':
        from mmseg.models.backbones.beit import BEiTAttention
    else:
        from mmpretrain.models.utils.attention import BEiTAttention

        settings['use_rel_pos_bias'] = True
    made = BEiTAttention(8, 2, window_size=GRID, **settings).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    made.relative_position_bias_table.requires_grad_(False)
    return made


# Of torch.meshgrid, which both packages call.
@pytest.mark.filterwarnings('ignore:torch.meshgrid')
@pytest.mark.parametrize('package', ['mmseg', 'mmpretrain'])
@pytest.mark.parametrize(
    'settings',
    [{}, {'bias': True}, {'bias': False}, {'qk_scale': 2.0}],
    ids=str,
)
def test_outputs_are_those_of_the_class(package, settings):
    attention, x = layer(package, **settings), torch.randn(2, TOKENS, 8)
    x = x.double()
    expected = attention(x)
    assert fuse_attention(attention).layers == (attention,)
    torch.testing.assert_close(attention(x), expected, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings('ignore:torch.meshgrid')
def test_a_shared_bias_is_added_to_that_of_the_layer():
    attention, x = layer('mmpretrain'), torch.randn(2, TOKENS, 8).double()
    shared = torch.randn(2, TOKENS, TOKENS).double()
    expected = attention(x, rel_pos_bias=shared)
    plain = copy.deepcopy(attention)
    fuse_attention(attention)
    actual = attention(x, rel_pos_bias=shared)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    shared.requires_grad_()  # left to the class
    assert torch.equal(attention(x, shared), plain(x, shared))


@pytest.mark.filterwarnings('ignore:torch.meshgrid')
def test_dropout_of_the_weights_acts_in_training_alone():
    attention = layer('mmseg', attn_drop_rate=0.5)
    x = torch.randn(2, TOKENS, 8).double()
    expected = attention.eval()(x)
    fuse_attention(attention)
    torch.testing.assert_close(attention(x), expected, rtol=0, atol=1e-12)
    assert (attention.train()(x) - expected).abs().max() > 0.1
