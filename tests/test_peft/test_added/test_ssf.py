"""SSF against its definition: each layer's channels, scaled and shifted."""

import pytest
import torch
import torch.nn.functional as F
from small_encoders import small_model
from torch import nn

from gps_seg.additions import additions_of, attach, merge
from gps_seg.additions.plan import Added, Place, Plan
from gps_seg.peft import SSF, tune

WIDTH = 8


class Encoder(nn.Module):
    """A patch embedding, a norm, packed attention and a linear map."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, WIDTH, 2, 2)
        self.norm = nn.LayerNorm(WIDTH)
        self.attn = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.fc = nn.Linear(WIDTH, 12, bias=False)
        self.last = nn.BatchNorm1d(12)

    def forward(self, x):
        x = self.norm(self.embed(x).flatten(2).transpose(1, 2))
        x = self.fc(self.attn(x, x, x, need_weights=False)[0])
        return self.last(x.transpose(1, 2))


def make():
    torch.manual_seed(0)
    model = nn.ModuleDict({'backbone': Encoder()})
    return model.double(), torch.randn(2, 3, 8, 8).double()


def test_each_layer_is_scaled_and_shifted():
    model, x = make()
    net = model['backbone']
    plan = SSF(spread=0.3).additions(model, None)
    attach(model, plan, seed=0)
    added = {
        str(a.described.place).removeprefix('backbone.'): (a.factor, a.shift)
        for a in additions_of(model).values()
    }
    packed = [
        added[f'attn.in_proj_weight[{r}]'] for r in ('0:8', '8:16', '16:24')
    ]
    # As the packed projection of queries, keys and values: one factor each.
    added['qkv'] = [torch.cat(parts) for parts in zip(*packed, strict=True)]

    def ssf(where, y, axis=-1):
        factor, shift = added[where]
        y = y.movedim(axis, -1) * factor
        return (y if shift is None else y + shift).movedim(-1, axis)

    y = ssf('embed', F.conv2d(x, net.embed.weight, net.embed.bias, 2), 1)
    y = y.flatten(2).transpose(1, 2)
    y = ssf('norm', F.layer_norm(y, [WIDTH], net.norm.weight, net.norm.bias))
    attn = net.attn
    qkv = ssf('qkv', y @ attn.in_proj_weight.T + attn.in_proj_bias)
    q, k, v = (
        part.unflatten(-1, (2, 4)).transpose(1, 2) for part in qkv.chunk(3, -1)
    )
    weights = (q @ k.mT / 2).softmax(-1)
    y = (weights @ v).transpose(1, 2).flatten(2)
    out = attn.out_proj
    y = ssf('attn.out_proj.weight', y @ out.weight.T + out.bias)
    # No known kind and no bias, like the reduction of Swin's patch merging.
    assert 'fc.weight' not in added
    y = (y @ net.fc.weight.T).transpose(1, 2)
    y = ssf('last', F.batch_norm(y, None, None, training=True), 1)
    torch.testing.assert_close(net(x), y)


@pytest.mark.parametrize('layer', [nn.Linear, nn.Conv2d])
def test_the_initial_values_are_spread_around_one_and_zero(layer):
    options = {} if layer is nn.Linear else {'kernel_size': 1}
    model = nn.ModuleDict({'backbone': layer(2, 10_000, **options)})
    tune(model, SSF(), [], seed=0)
    (addition,) = additions_of(model).values()
    for values, mean in (addition.factor, 1), (addition.shift, 0):
        assert values.mean().item() == pytest.approx(mean, abs=0.001)
        assert values.std().item() == pytest.approx(0.02, abs=0.001)


def test_without_spread_nothing_changes_at_the_start():
    model, x = make()
    before = model['backbone'](x)
    tune(model, SSF(spread=0), [], seed=0)
    torch.testing.assert_close(model['backbone'](x), before)


def test_a_layer_without_a_bias_is_scaled_alone():
    model = small_model('vit')
    shifts = {
        one.place.name: one.settings['shift']
        for one in SSF().additions(model, None)
    }
    assert not shifts['backbone.patch_embed.projection']
    assert all(shifts[n] for n in shifts if 'layers' in n)


def test_the_reduction_of_patch_merging_is_left_to_the_norm_before_it():
    model = small_model('swin')
    merging = {
        one.place.name.rpartition('downsample.')[2]
        for one in SSF().additions(model, None)
        if 'downsample' in one.place.name
    }
    assert merging == {'norm'}


def test_half_precision_stays_half_precision():
    model, x = make()
    model.float()
    tune(model, SSF(), [], seed=0)
    net = model['backbone']
    with torch.autocast('cpu', torch.bfloat16):
        assert net.embed(x.float()).dtype == torch.bfloat16
        y = torch.ones(1, WIDTH)
        assert net.attn.out_proj(y).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ('backbone', 'settings', 'message'),
    [
        (nn.Linear(2, 2), {'spread': -1}, 'spread: expected a number of 0'),
        (nn.GELU(), {}, "encoder: expected linear maps, .* in 'backbone'"),
    ],
)
def test_a_wrong_setting_is_refused(backbone, settings, message):
    model = nn.ModuleDict({'backbone': backbone})
    with pytest.raises(ValueError, match=message):
        tune(model, SSF(**settings), [], seed=0)


@pytest.mark.parametrize(
    ('host', 'message'),
    [
        (nn.GELU(), 'expected a host with parameters, .*GELU'),
        (nn.Linear(4, 4), 'expected a norm or convolution of PyTorch'),
        (nn.LayerNorm([4, 4]), 'with a weight for each channel'),
        (nn.ConvTranspose2d(3, 4, 1), 'got ConvTranspose2d'),
    ],
)
def test_other_hosts_are_refused(host, message):
    model = nn.ModuleDict({'host': host, 'other': nn.Linear(2, 2)})
    names = set(model.state_dict())
    settings = {'width': 4, 'shift': True, 'spread': 0.0}
    plan = Plan([Added('scale_channels', Place('host'), settings)])
    with pytest.raises(ValueError, match=message):
        attach(model, plan, seed=0)
    assert set(model.state_dict()) == names


def test_a_shift_needs_a_bias_to_be_merged():
    model = nn.ModuleDict({'host': nn.Conv2d(3, 4, 1, bias=False)})
    settings = {'width': 4, 'shift': True, 'spread': 0.0}
    attach(model, Plan([Added('scale_channels', Place('host'), settings)]), 0)
    with pytest.raises(ValueError, match='the host has no bias, and would'):
        merge(model)
