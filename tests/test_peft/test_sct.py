"""SCT against its equations, written out in plain torch."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gps_seg.additions import Added, Place, Plan, attach, merge
from gps_seg.peft import SCT, tune

WIDTH, HIDDEN = 8, 12


def task(dtype=torch.float64):
    torch.manual_seed(0)
    encoder = nn.Sequential(
        *(
            nn.TransformerEncoderLayer(
                WIDTH, 2, HIDDEN, 0.0, batch_first=True, norm_first=True
            )
            for _ in range(2)
        )
    )
    model = nn.ModuleDict(
        {'backbone': encoder, 'head': nn.Linear(WIDTH, 3)}
    ).to(dtype)
    batches = torch.randn(5, 2, 6, WIDTH, dtype=dtype)
    losses = [
        lambda x=x: model['head'](model['backbone'](x)).square().mean()
        for x in batches
    ]
    return model, losses, batches


def outputs_of(model, batches):
    """Outputs of the second linear map of each block."""
    met = {}
    handles = [
        layer.linear2.register_forward_hook(
            lambda _m, _a, out, i=i: met.setdefault(i, []).append(out)
        )
        for i, layer in enumerate(model['backbone'])
    ]
    with torch.no_grad():
        for x in batches:
            model['backbone'](x)
    for handle in handles:
        handle.remove()
    return {i: torch.cat(found).flatten(0, 1) for i, found in met.items()}


def channels_of(tuned):
    return {str(one.place): one.settings['channels'] for one in tuned.added}


def test_the_channels_with_the_largest_norm_over_all_tokens_are_mixed():
    model, losses, batches = task()
    outputs = outputs_of(model, batches)
    tuned = tune(model, SCT(share=0.375), losses, seed=0)
    assert channels_of(tuned) == {
        f'backbone.{i}.linear2.weight': sorted(
            found.norm(dim=0).topk(3).indices.tolist()
        )
        for i, found in outputs.items()
    }


def mixed_map(**settings):
    torch.manual_seed(1)
    layer = nn.Linear(5, WIDTH).double()
    settings = {'channels': [1, 4, 6], 'scale': 0.7, **settings}
    plan = Plan([Added('channel_mix', Place('weight'), settings)])
    attach(layer, plan, seed=0)
    (mix,) = (
        module for n, module in layer.named_modules() if n[-4:] == '.mix'
    )
    return layer, mix


def test_a_mix_adds_a_map_of_the_channels_to_them():
    layer, mix = mixed_map()
    nn.init.normal_(mix.bias)
    x = torch.randn(2, 3, 5, dtype=torch.float64)
    y = F.linear(x, layer.weight, layer.bias)
    wanted = y.clone()
    part = y[..., [1, 4, 6]]
    wanted[..., [1, 4, 6]] = part + 0.7 * (part @ mix.weight.T + mix.bias)
    torch.testing.assert_close(layer(x), wanted)


def test_a_matrix_is_drawn_from_a_narrow_normal_distribution():
    layer = nn.Linear(5, 200)
    settings = {'channels': list(range(200)), 'scale': 1.0}
    attach(layer, Plan([Added('channel_mix', Place('weight'), settings)]), 0)
    parameters = dict(layer.named_parameters())
    matrix = parameters['added.channel_mix.mix.weight']
    assert 0.019 < matrix.std() < 0.021
    assert not parameters['added.channel_mix.mix.bias'].any()


def test_a_mix_of_rows_of_a_packed_projection_stays_in_them():
    attention = nn.MultiheadAttention(8, 2, batch_first=True).double()
    settings = {'channels': [0, 7], 'scale': 1.0}
    place = Place('in_proj_weight', (16, 24))
    plain = copy.deepcopy(attention)
    attach(attention, Plan([Added('channel_mix', place, settings)]), seed=0)
    mix = dict(attention.named_parameters())
    with torch.no_grad():
        matrix = mix['added.channel_mix_in_proj_weight_16_24.mix.weight']
        matrix.normal_()
        rows = [16, 23]
        plain.in_proj_bias.normal_()
        attention.in_proj_bias.copy_(plain.in_proj_bias)
        plain.in_proj_weight[rows] += matrix @ plain.in_proj_weight[rows]
        plain.in_proj_bias[rows] += matrix @ plain.in_proj_bias[rows]
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(attention(x, x, x)[0], plain(x, x, x)[0])


def test_a_trained_model_merges():
    model, losses, batches = task()
    tuned = tune(model, SCT(share=0.5, scale=0.3), losses, seed=0)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    for loss in losses[:3]:
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    tuned.release()
    with torch.no_grad():
        before = model['backbone'](batches[0])
        merge(model)
        torch.testing.assert_close(model['backbone'](batches[0]), before)
    assert not any('added' in name for name in model.state_dict())


def test_a_map_without_a_bias_cannot_be_merged():
    layer = nn.Linear(5, 8, bias=False)
    settings = {'channels': [0], 'scale': 1.0}
    attach(layer, Plan([Added('channel_mix', Place('weight'), settings)]), 0)
    with pytest.raises(ValueError, match='the map has no bias'):
        merge(layer)


def test_a_mix_keeps_the_precision_of_autocast():
    layer, _ = mixed_map()
    layer.float()
    with torch.autocast('cpu', torch.bfloat16):
        assert layer(torch.randn(2, 5)).dtype is torch.bfloat16


def test_a_frozen_encoder_can_be_scored():
    model, losses, _ = task()
    model['backbone'].requires_grad_(False)
    tuned = tune(model, SCT(share=0.5), losses, seed=0)
    inside = [n for n in tuned.names.values() if n.startswith('backbone.')]
    assert len(inside) == 4 and all('.mix.' in name for name in inside)


def test_an_mlp_that_is_not_used_is_an_error():
    model, _, _ = task()
    unused = [model['head'].weight.sum]
    with pytest.raises(ValueError, match='expected outputs of backbone.0'):
        tune(model, SCT(), unused, seed=0)


def test_an_encoder_without_linear_mlps_is_refused():
    model = nn.ModuleDict({'backbone': nn.Sequential(nn.Conv2d(3, 4, 3))})
    with pytest.raises(ValueError, match='expected linear maps of the kinds'):
        tune(model, SCT(), [None], seed=0)


@pytest.mark.parametrize('channels', [[], [3, 1], [8], [1, 1]])
def test_channels_that_a_map_does_not_have_are_an_error(channels):
    with pytest.raises(ValueError, match='channels: expected one or more'):
        mixed_map(channels=channels)


def test_settings_are_checked():
    with pytest.raises(ValueError, match='share: expected a number in'):
        SCT(share=0)
    with pytest.raises(ValueError, match='scale: expected a number above 0'):
        SCT(scale=0)


def test_the_loss_of_the_pass_is_ignored():
    given = frozenset({'loss', 'max_batches'})
    assert SCT().ignored(given) == {'loss': 'takes no gradient of a loss'}
