"""(IA)^3 and DiffFit against a block written out."""

import pytest
import torch
import torch.nn.functional as F
from small_encoders import small_model
from torch import nn

from gps_seg.additions import additions_of
from gps_seg.peft import IA3, DiffFit, tune
from gps_seg.sparse import Role

WIDTH, HIDDEN = 8, 16


def make():
    """A block with packed projections in double precision, and its input."""
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(
        WIDTH, 2, HIDDEN, 0.0, F.gelu, batch_first=True, norm_first=True
    )
    return (
        nn.ModuleDict({'backbone': nn.Sequential(block)}).double(),
        torch.randn(2, 5, WIDTH).double(),
    )


def written_out(block, x, factors):
    """The block, with what has a name in ``factors`` multiplied by these."""

    def times(name, y):
        return y * factors.get(name, 1)

    attn = block.self_attn
    y = block.norm1(x)
    qkv = (y @ attn.in_proj_weight.T + attn.in_proj_bias).chunk(3, -1)
    q, k, v = (
        times(name, part).unflatten(-1, (2, WIDTH // 2)).transpose(1, 2)
        for name, part in zip('qkv', qkv, strict=True)
    )
    weights = (q @ k.mT / (WIDTH // 2) ** 0.5).softmax(-1)
    y = (weights @ v).transpose(1, 2).flatten(2)
    out = attn.out_proj
    x = x + times('attention', y @ out.weight.T + out.bias)
    first, last = block.linear1, block.linear2
    y = F.gelu(block.norm2(x) @ first.weight.T + first.bias)
    y = times('hidden', y) @ last.weight.T + last.bias
    return x + times('mlp', y)


PACKED = 'backbone.0.self_attn.in_proj_weight'
PLACES = {
    IA3: {
        'k': f'{PACKED}[8:16]',
        'v': f'{PACKED}[16:24]',
        'hidden': 'backbone.0.linear2.weight',
    },
    DiffFit: {
        'attention': 'backbone.0.self_attn.out_proj.weight',
        'mlp': 'backbone.0.linear2.weight',
    },
}


@pytest.mark.parametrize('method', PLACES)
def test_what_is_multiplied(method):
    model, x = make()
    block = model['backbone'][0]
    plain = block(x)
    tune(model, method(), [], seed=0)
    torch.testing.assert_close(block(x), plain)  # factors are 1 at the start

    added = {
        str(one.described.place): one.factor
        for one in additions_of(model).values()
    }
    assert set(added) == set(PLACES[method].values())
    for factor in added.values():
        nn.init.normal_(factor)
    outputs = block(x)
    factors = {n: added[p] for n, p in PLACES[method].items()}
    expected = written_out(block, x, factors)
    torch.testing.assert_close(outputs, expected)
    values = list(factors.values())
    for own, theirs in zip(
        torch.autograd.grad(outputs.sin().sum(), values),
        torch.autograd.grad(expected.sin().sum(), values),
        strict=True,
    ):
        torch.testing.assert_close(own, theirs)


def test_an_encoder_without_attention_has_factors_of_the_mlp_alone():
    model = small_model('mmpretrain convnext')
    for method in IA3(), DiffFit():
        names = [a.place.name for a in method.additions(model, None)]
        assert len(names) == 3
        assert all(name.endswith('pointwise_conv2.weight') for name in names)


@pytest.mark.parametrize(
    ('method', 'kinds'),
    [(IA3, "'fc2', 'k', 'v'"), (DiffFit, "'fc2', 'proj'")],
)
def test_an_encoder_without_such_maps_is_refused(method, kinds):
    model = small_model('resnet')
    message = rf"encoder: expected .* \[{kinds}\] in 'backbone' \(ResNet\)"
    with pytest.raises(ValueError, match=message):
        method().additions(model, None)


def test_diffit_trains_biases_and_norms_whole():
    model, _ = make()
    roles = DiffFit().roles(model)
    whole = {
        name.removeprefix('backbone.0.')
        for name, role in roles.items()
        if role is Role.WHOLE
    }
    assert whole == {
        'self_attn.in_proj_bias',
        'self_attn.out_proj.bias',
        'linear1.bias',
        'linear2.bias',
        'norm1.weight',
        'norm1.bias',
        'norm2.weight',
        'norm2.bias',
    }
    assert Role.SELECTED not in roles.values()


def test_diffit_trains_all_outside_the_encoder():
    model = nn.ModuleDict(
        {'body': make()[0]['backbone'], 'head': nn.Linear(2, 2)}
    )
    roles = DiffFit(encoder='body').roles(model)
    assert roles['head.weight'] is roles['head.bias'] is Role.WHOLE
    assert roles['body.0.linear1.weight'] is Role.FROZEN
