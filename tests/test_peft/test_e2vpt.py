# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained keys and values in attention, against attention by hand."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from meta_models import without_storage
from mmengine.registry import MODELS, init_default_scope
from small_encoders import SIDE, small_model
from torch import nn

from gps_seg.additions import attach, detach, merge, plan_of, shapes_of
from gps_seg.peft import E2VPT, tune
from gps_seg.sparse.interception import _stand_in

WIDTH, HEADS = 16, 2
ONLY_KEYS_AND_VALUES = dict(prompts=0, key_value_prompts=3)


def images():
    generator = torch.Generator().manual_seed(1)
    shape = 2, 3, SIDE, SIDE
    return torch.rand(shape, generator=generator, dtype=torch.double)


def random_model(name):
    torch.manual_seed(2)
    model = small_model(name).double()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def attention_of(name, layer):
    """The module that holds the projections, its weights, and its prompts."""
    module = layer.attn if name.startswith('mmpretrain') else layer.attn.attn
    if isinstance(module, nn.MultiheadAttention):
        packed = module.in_proj_weight, module.in_proj_bias, module.out_proj
    else:
        packed = module.qkv.weight, module.qkv.bias, module.proj
    return module, packed, module.added.key_value_prompts


def attention_by_hand(packed, x, keys, values):
    """softmax(Q [K; P_K]^T / sqrt(d)) [V; P_V] of each head."""
    weight, bias, out = packed
    q, k, v = F.linear(x, weight, bias).chunk(3, dim=-1)
    k = torch.cat([k, keys.expand(len(x), -1, -1)], dim=1)
    v = torch.cat([v, values.expand(len(x), -1, -1)], dim=1)

    def split(y):
        return y.unflatten(-1, (HEADS, -1)).transpose(1, 2)

    scores = split(q) @ split(k).mT / math.sqrt(WIDTH // HEADS)
    mixed = (scores.softmax(-1) @ split(v)).transpose(1, 2).flatten(2)
    return F.linear(mixed, out.weight, out.bias)


def features_by_hand(name, vit, inputs, tokens):
    """Features of a plain ViT with keys, values and tokens in its blocks."""
    x, (height, width) = vit.patch_embed(inputs)
    x = torch.cat([vit.cls_token.expand(len(x), -1, -1), x], dim=1)
    x = x + vit.pos_embed
    for i, layer in enumerate(vit.layers):
        _, packed, added = attention_of(name, layer)
        values = added.keys if added.shared else added.values
        count = 0
        if tokens:
            own = tokens[i].expand(len(x), -1, -1)
            count = own.shape[1]
            x = torch.cat([x[:, :1], own, x[:, 1:]], dim=1)
        h = layer.ln1(x)
        x = x + attention_by_hand(packed, h, added.keys, values)
        fc1, fc2 = layer.ffn.layers[0][0], layer.ffn.layers[1]
        hidden = F.gelu(F.linear(layer.ln2(x), fc1.weight, fc1.bias))
        x = x + F.linear(hidden, fc2.weight, fc2.bias)
        x = torch.cat([x[:, :1], x[:, 1 + count :]], dim=1)
    if name.startswith('mmpretrain'):
        x = vit.ln1(x)
    return x[:, 1:].mT.unflatten(2, (height, width))


@pytest.mark.parametrize('prompts', [0, 4])
@pytest.mark.parametrize('shared', [True, False])
@pytest.mark.parametrize('name', ['vit', 'mmpretrain vit'])
def test_all_tokens_meet_the_trained_keys_and_values(name, shared, prompts):
    model = random_model(name)
    settings = dict(prompts=prompts, key_value_prompts=3, shared=shared)
    tune(model, E2VPT(**settings), losses=[], seed=0)
    vit = model['backbone']
    tokens = [p for n, p in vit.named_parameters() if n.endswith('tokens')]
    expected = features_by_hand(name, vit, images(), tokens)
    (got,) = vit(images())
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    with torch.no_grad():  # where PyTorch would take a fused path
        (got,) = vit(images())
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    detach(model)
    assert (vit(images())[0] - expected).abs().max() > 1e-4


@pytest.mark.parametrize('batch_first', [True, False])
@pytest.mark.parametrize('same', [True, False])
@pytest.mark.parametrize('bias', [True, False])
def test_a_packed_attention_alone(batch_first, same, bias):
    """Query, key and value may be one object or equal ones."""
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(
        WIDTH, HEADS, bias=bias, batch_first=batch_first, dtype=torch.double
    )
    model = nn.ModuleDict({'attention': attention})
    attach(model, plan_at('attention'), seed=0)
    x = torch.randn(2, 5, WIDTH, dtype=torch.double)
    given = x if batch_first else x.transpose(0, 1)
    others = [given] * 2 if same else [given.clone(), given.clone()]
    got, _ = attention(given, *others)
    added = attention.added.key_value_prompts
    packed = attention.in_proj_weight, attention.in_proj_bias
    expected = attention_by_hand(
        (*packed, attention.out_proj), x, added.keys, added.values
    )
    got = got if batch_first else got.transpose(0, 1)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def plan_at(place):
    """Three keys and values in the block of a ViT, moved to a place."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 8, batch_first=True)
    model = nn.ModuleDict({'backbone': nn.Sequential(layer)})
    method = E2VPT(**ONLY_KEYS_AND_VALUES, shared=False)
    record = method.additions(model, None).to_json()
    record[0]['at'] = [place]
    return type(method.additions(model, None)).from_json(record)


@pytest.mark.parametrize(
    'name',
    [
        'vit',
        'vit without class token',
        'mmpretrain vit without class token',
        'mmpretrain vit swiglu',
        'mmpretrain deit',
        'mmpretrain deit3',
    ],
)
def test_feature_maps_have_the_shapes_of_the_plain_encoder(name):
    model = random_model(name).requires_grad_(False)
    plain = model['backbone'](images())
    tune(model, E2VPT(prompts=3), losses=[], seed=0)
    got = model['backbone'](images())
    assert [f.shape for f in got] == [f.shape for f in plain]
    assert all(
        (g - p).abs().max() > 0 for g, p in zip(got, plain, strict=True)
    )
    detach(model)
    again = model['backbone'](images())
    assert all(map(torch.equal, again, plain))


@pytest.mark.parametrize('name', ['swin', 'mit', 'resnet', 'beit'])
def test_other_encoders_are_refused(name):
    with pytest.raises(ValueError, match='prompts: expected an encoder'):
        tune(small_model(name), E2VPT(), losses=[], seed=0)


def test_an_attention_without_a_packed_projection_is_refused():
    class Separate(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
            self.proj, self.num_heads = nn.Linear(8, 8), 2

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn = Separate()
            self.mlp = nn.Module()
            self.mlp.fc1, self.mlp.fc2 = nn.Linear(8, 16), nn.Linear(16, 8)

        def forward(self, x):
            return x

    model = nn.ModuleDict({'backbone': nn.Sequential(Layer())})
    with pytest.raises(ValueError, match=r'one projection.*attn\.q\.weight'):
        tune(model, E2VPT(), losses=[], seed=0)


@pytest.mark.parametrize(
    ('settings', 'count'),
    [
        # 12 blocks of (50 tokens + 5 keys) of width 768
        ({}, 12 * 55 * 768),
        (dict(shared=False), 12 * 60 * 768),
        (dict(prompts=0), 46_080),
    ],
)
def test_counts_of_vit_b(settings, count):
    init_default_scope('mmseg')
    with without_storage():
        vit = MODELS.build(dict(type='VisionTransformer', img_size=224))
        model = nn.ModuleDict({'backbone': vit})
    plan = E2VPT(**settings).additions(model, None)
    shapes = shapes_of(plan, model.state_dict())
    assert sum(shape.numel() for shape in shapes.values()) == count


def test_initial_values_are_those_of_kaiming_uniform():
    model = small_model('vit')
    settings = dict(prompts=0, key_value_prompts=4000, shared=False)
    tune(model, E2VPT(**settings), losses=[], seed=0)
    _, _, added = attention_of('vit', model['backbone'].layers[0])
    one_head = nn.init.kaiming_uniform_(torch.empty(4000, WIDTH // HEADS))
    for drawn in (added.keys.detach(), added.values.detach()):
        assert float(drawn.max()) == pytest.approx(float(one_head.max()), 0.01)
        assert float(drawn.std()) == pytest.approx(float(one_head.std()), 0.02)
    assert not torch.equal(added.keys, added.values)


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
@pytest.mark.parametrize('shared', [True, False])
def test_gradients_are_those_by_hand_when_blocks_are_recomputed(shared):
    model = random_model('vit')
    tune(
        model,
        E2VPT(**ONLY_KEYS_AND_VALUES, shared=shared),
        losses=[],
        seed=0,
    )
    vit = model['backbone']
    vit.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    expected = torch.autograd.grad(
        features_by_hand('vit', vit, images(), []).square().sum(), trained
    )
    for with_cp in (False, True):
        for layer in vit.layers:
            layer.with_cp = with_cp
        # A block is recomputed only if its input needs a gradient.
        x = images().requires_grad_()
        vit(x)[0].square().sum().backward()
        got = [p.grad for p in trained]
        torch.testing.assert_close(got, list(expected))
        for parameter in trained:
            parameter.grad = None


def test_a_copy_has_keys_and_values_of_its_own():
    model = random_model('mmpretrain vit')
    tune(model, E2VPT(prompts=2), losses=[], seed=0)
    before = model['backbone'](images())[0]
    twin = copy.deepcopy(model)
    for name, parameter in model.named_parameters():
        if name.endswith('keys'):
            parameter.data.add_(1)
    assert torch.equal(twin['backbone'](images())[0], before)
    assert not torch.equal(model['backbone'](images())[0], before)
    assert plan_of(twin) == plan_of(model)


def test_linear_maps_are_left_alone_after_an_error():
    model = random_model('vit')
    tune(model, E2VPT(prompts=2), losses=[], seed=0)

    def fail(*_):
        raise OSError('stopped')

    model['backbone'].layers[1].attn.attn.register_forward_pre_hook(fail)
    with pytest.raises(OSError, match='stopped'):
        model['backbone'](images())
    assert _stand_in._active == ()


def test_keys_and_values_take_the_type_of_the_others_under_autocast():
    model = small_model('mmpretrain vit')
    tune(model, E2VPT(prompts=2), losses=[], seed=0)
    seen = []
    layer = model['backbone'].layers[0]
    layer.attn.qkv.register_forward_hook(lambda _m, _a, out: seen.append(out))
    with torch.autocast('cpu', torch.bfloat16):
        model['backbone'](images().float())
    assert [one.dtype for one in seen] == [torch.bfloat16]


def test_one_sequence_stays_one_object():
    """So that PyTorch projects queries, keys and values at once."""
    attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    attach(nn.ModuleDict({'a': attention}), plan_at('a'), seed=0)
    seen = []
    attention.register_forward_pre_hook(lambda _m, args: seen.extend(args))
    attention(*[torch.zeros(1, 5, WIDTH)] * 3)
    assert seen[0] is seen[1] is seen[2]


def test_keys_and_values_cannot_be_merged():
    model = random_model('vit')
    tune(model, E2VPT(**ONLY_KEYS_AND_VALUES), losses=[], seed=0)
    with pytest.raises(ValueError, match='key_value_prompts cannot be merged'):
        merge(model)


def test_they_take_the_rate_of_the_projection():
    model = small_model('mmpretrain vit')
    method = E2VPT(**ONLY_KEYS_AND_VALUES, shared=False)
    tuned = tune(model, method, losses=[], seed=0)
    qkv = [layer.attn.qkv.weight for layer in model['backbone'].layers]
    assert set(tuned.beside.values()) == set(qkv)
    assert len(tuned.beside) == 4


@pytest.mark.parametrize(
    ('settings', 'error'),
    [
        (dict(prompts=-1), ValueError),
        (dict(key_value_prompts=0), ValueError),
        (dict(dropout=1.0), ValueError),
    ],
)
def test_settings_are_checked(settings, error):
    with pytest.raises(error, match=next(iter(settings))):
        E2VPT(**settings)
