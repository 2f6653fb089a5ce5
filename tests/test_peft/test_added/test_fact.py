"""FacT against its definition: a tensor of all maps, in two formats."""

import copy

import pytest
import torch
from small_encoders import small_model
from torch import nn
from torch.func import functional_call

from gps_seg.additions import additions_of
from gps_seg.peft import FacT, tune

WIDTH, RANK, SCALE = 8, 3, 0.5


class Encoder(nn.Module):
    """Two blocks with packed projections and an MLP of ratio 4."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    WIDTH, 2, 4 * WIDTH, 0.0, batch_first=True
                )
                for _ in range(2)
            )
        )

    def forward(self, x):
        return self.layers(x)


def make():
    torch.manual_seed(0)
    model = nn.ModuleDict({'backbone': Encoder(), 'head': nn.Linear(WIDTH, 2)})
    return model.double(), torch.randn(2, 5, WIDTH).double()


def tuned(form):
    """The model, its input, and its addition with random values."""
    model, x = make()
    tune(model, FacT(form=form, rank=RANK, scale=SCALE), [], seed=0)
    (addition,) = additions_of(model).values()
    nn.init.normal_(addition.v)
    return model, x, addition


def changes(update):
    """The changes of a block's weights, from those of its 12 square parts."""
    return {
        'self_attn.in_proj_weight': torch.cat([*update[:3]]),
        'self_attn.out_proj.weight': update[3],
        'linear1.weight': torch.cat([*update[4:8]]),
        'linear2.weight': torch.cat([*update[8:]], dim=1),
    }


@pytest.mark.parametrize('form', ['tt', 'tk'])
def test_outputs_and_gradients_are_those_of_the_changed_tensor(form):
    model, x, addition = tuned(form)
    plain = make()[0]['backbone'].requires_grad_(False)
    leaves = {
        name: value.detach().clone().requires_grad_()
        for name, value in addition.named_parameters()
    }
    if form == 'tt':
        middle = leaves['middle']
    else:
        middle = torch.tensordot(leaves['mixing'], leaves['core'], 1)
    # The tensor of all parts, changed along each of its three axes.
    update = SCALE * torch.einsum(
        'or,nrs,si->noi', leaves['v'], middle, leaves['u']
    )
    assert update.shape == (2 * 12, WIDTH, WIDTH)
    weights = dict(plain.named_parameters())
    for i, part in enumerate(update.chunk(2)):
        for name, change in changes(part).items():
            weights[f'layers.{i}.{name}'] = (
                weights[f'layers.{i}.{name}'] + change
            )
    expected = functional_call(plain, weights, x)
    outputs = model['backbone'](x)
    torch.testing.assert_close(outputs, expected)

    outputs.sin().sum().backward()
    expected.sin().sum().backward()
    for name, value in addition.named_parameters():
        torch.testing.assert_close(value.grad, leaves[name].grad)


@pytest.mark.parametrize('form', ['tt', 'tk'])
def test_at_the_start_nothing_changes(form):
    model, x = make()
    before = model['backbone'](x)
    tune(model, FacT(form=form, rank=RANK), [], seed=0)
    torch.testing.assert_close(model['backbone'](x), before)


@pytest.mark.parametrize(
    ('form', 'small'), [('tt', 24 * RANK**2), ('tk', 24 * RANK + RANK**3)]
)
def test_number_of_values(form, small):
    _, _, addition = tuned(form)
    count = sum(value.numel() for value in addition.parameters())
    assert count == 2 * RANK * WIDTH + small


def test_a_copy_has_factors_of_its_own():
    model, x, addition = tuned('tt')
    before = model['backbone'](x)
    other = copy.deepcopy(model)
    addition.v.data.zero_()
    torch.testing.assert_close(other['backbone'](x), before)
    assert not torch.allclose(model['backbone'](x), before)


def test_the_factors_take_rate_and_decay_of_the_first_map():
    model = small_model('vit')  # its first parameter is the class token
    trainable = tune(model, FacT(rank=2), [], seed=0)
    names = {trainable.names[new] for new in trainable.beside}
    assert names == {
        f'backbone.added.shared_low_rank.{n}' for n in ('u', 'v', 'middle')
    }
    (plain,) = set(trainable.beside.values())
    assert plain is model['backbone'].layers[0].attn.attn.in_proj_weight


@pytest.mark.parametrize(
    ('encoder', 'message'),
    [
        ('swin', r'got the widths \[8, 16\] .* SwinTransformer'),
        ('mmpretrain convnext', r'got the widths \[8, 16\] .* ConvNeXt'),
        ('resnet', r'expected blocks of one width, .* widths \[\] .* ResNet'),
        ('mmpretrain vit swiglu', r'multiples of it, .* sizes \[16, '),
    ],
)
def test_an_encoder_of_several_widths_is_refused(encoder, message):
    model = small_model(encoder)
    with pytest.raises(ValueError, match=message):
        FacT(rank=2).additions(model, None)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'form': 'cp'}, r"form: expected one of \['tk', 'tt'\], got 'cp'"),
        ({'rank': 0}, 'rank: expected rank >= 1'),
        ({'rank': 9}, "rank: expected 1 to 8, the width of 'backbone'"),
        ({'scale': 0}, 'scale: expected a number above 0'),
    ],
)
def test_a_wrong_setting_is_refused(settings, message):
    model, _ = make()
    with pytest.raises(ValueError, match=message):
        tune(model, FacT(**settings), [], seed=0)
