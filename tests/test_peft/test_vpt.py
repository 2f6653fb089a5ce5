# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens in the blocks of a ViT, against a forward pass by hand."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from meta_models import without_storage
from mmengine.registry import MODELS, init_default_scope
from small_encoders import SIDE, VIT, small_model
from torch import nn

from gps_seg.additions import attach, detach, merge, plan_of, shapes_of
from gps_seg.peft import VPT, tune

VITS = [
    'vit',
    'vit without class token',
    'mmpretrain vit',
    'mmpretrain vit without class token',
    'mmpretrain vit swiglu',
    'mmpretrain deit',
    'mmpretrain deit3',
]
SWINS = ['swin', 'mmpretrain swin']
#: Encoder -> what the refusal says of it.
NOT_VITS = {
    'mmpretrain swin v2': 'window',
    'mae': 'relative_position',
    'beit': 'relative_position',
    'mmpretrain beit': 'rel_pos',
    'mit': 'convolution',
    'mscan': 'no blocks',
    'resnet': 'no blocks',
    'mmpretrain convnext': 'feature map',
    'mmpretrain edgenext': 'feature map',
    'mmpretrain sam': 'feature map',
    'mmpretrain pcpvt': 'hw_shape',
}


def images(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, SIDE, SIDE, generator=generator, dtype=dtype)


def random_model(name, dtype=torch.float64):
    """A model whose values are all different from those of a fresh one."""
    torch.manual_seed(2)
    model = small_model(name).to(dtype)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, dtype=dtype)
        parameter.data += 0.1 * noise
    return model


def tuned(name, **settings):
    """A random model in evaluation mode, tuned."""
    model = random_model(name)
    tune(model, VPT(**settings), losses=[], seed=0)
    return model


def attention_by_hand(packed, x):
    """Self-attention of ``nn.MultiheadAttention`` on (B, N, C)."""
    q, k, v = F.linear(x, packed.in_proj_weight, packed.in_proj_bias).chunk(
        3, dim=-1
    )
    heads = packed.num_heads

    def split(y):
        return y.unflatten(-1, (heads, -1)).transpose(1, 2)

    scores = split(q) @ split(k).mT / math.sqrt(x.shape[-1] // heads)
    mixed = (scores.softmax(-1) @ split(v)).transpose(1, 2).flatten(2)
    out = packed.out_proj
    return F.linear(mixed, out.weight, out.bias)


def block_by_hand(layer, x):
    x = x + attention_by_hand(layer.attn.attn, layer.ln1(x))
    fc1, fc2 = layer.ffn.layers[0][0], layer.ffn.layers[1]
    hidden = F.gelu(F.linear(layer.ln2(x), fc1.weight, fc1.bias))
    return x + F.linear(hidden, fc2.weight, fc2.bias)


def features_by_hand(vit, inputs, prompts, *, deep):
    """Features of MMSegmentation's ViT whose blocks see the prompts."""
    x, (height, width) = vit.patch_embed(inputs)
    first = vit.cls_token.expand(len(x), -1, -1)
    x = torch.cat([first, x], dim=1) + vit.pos_embed
    carried = prompts[0]
    for i, layer in enumerate(vit.layers):
        added = (prompts[i] if deep else carried).expand(len(x), -1, -1)
        x = torch.cat([x[:, :1], added, x[:, 1:]], dim=1)
        x = block_by_hand(layer, x)
        carried = x[:, 1 : 1 + added.shape[1]]
        x = torch.cat([x[:, :1], x[:, 1 + added.shape[1] :]], dim=1)
    return x[:, 1:].mT.unflatten(2, (height, width))


@pytest.mark.parametrize('deep', [True, False])
def test_blocks_see_the_tokens_beside_their_own(deep):
    model = tuned('vit', prompts=3, deep=deep)
    vit = model['backbone']
    prompts = [p for n, p in vit.named_parameters() if n.endswith('tokens')]
    assert len(prompts) == (2 if deep else 1)
    expected = features_by_hand(vit, images(torch.double), prompts, deep=deep)
    (got,) = vit(images(torch.double))
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    detach(model)
    plain = vit(images(torch.double))[0]
    assert (got - plain).abs().max() > 1e-3


def test_shallow_prompts_matter_in_every_block():
    """The second block is another one if they do not reach it."""
    model = tuned('vit', prompts=3, deep=False)
    vit = model['backbone']
    prompts = [p for n, p in vit.named_parameters() if n.endswith('tokens')]
    deep = features_by_hand(
        vit, images(torch.double), [prompts[0]] * 2, deep=True
    )
    assert (vit(images(torch.double))[0] - deep).abs().max() > 1e-4


@pytest.mark.parametrize(
    ('name', 'deep'),
    [(n, deep) for n in VITS for deep in (True, False)]
    + [(n, True) for n in SWINS],
)
def test_feature_maps_have_the_shapes_of_the_plain_encoder(name, deep):
    model = random_model(name)
    model.requires_grad_(False)  # PyTorch's kernels depend on it
    plain = model['backbone'](images(torch.double))
    tune(model, VPT(prompts=3, deep=deep), losses=[], seed=0)
    got = model['backbone'](images(torch.double))
    assert [f.shape for f in got] == [f.shape for f in plain]
    assert all(
        (g - p).abs().max() > 0 for g, p in zip(got, plain, strict=True)
    )
    detach(model)
    again = model['backbone'](images(torch.double))
    assert all(map(torch.equal, again, plain))


@pytest.mark.parametrize('deep', [True, False])
@pytest.mark.parametrize('name', NOT_VITS)
def test_other_encoders_are_refused_with_a_reason(name, deep):
    model = small_model(name)
    before = list(dict(model.named_modules()))
    with pytest.raises(ValueError, match=f"'backbone'.*{NOT_VITS[name]}"):
        tune(model, VPT(deep=deep), losses=[], seed=0)
    assert list(dict(model.named_modules())) == before


@pytest.mark.parametrize('name', SWINS)
def test_shallow_prompts_cannot_pass_through_windows(name):
    with pytest.raises(ValueError, match='windows that change.*deep=True'):
        tune(small_model(name), VPT(deep=False), losses=[], seed=0)


def test_a_sequence_that_comes_first_is_refused():
    layer = nn.TransformerEncoderLayer(16, 2, 32)
    model = nn.ModuleDict({'backbone': nn.Sequential(layer)})
    with pytest.raises(ValueError, match='batch_first'):
        tune(model, VPT(), losses=[], seed=0)


@pytest.mark.parametrize('name', ['vit', 'vit without class token'])
def test_prompts_stand_between_class_token_and_patches(name):
    model = tuned(name, prompts=3)
    seen = []
    layer = model['backbone'].layers[0]
    norm = layer.ln1
    norm.register_forward_hook(lambda _m, args, _o: seen.append(args[0]))
    model['backbone'](images(torch.double))
    start = 0 if 'without' in name else 1
    inserted = seen[0][:, start : start + 3]
    tokens = layer.added.prompts.tokens
    assert torch.equal(inserted, tokens.expand(2, -1, -1))


def test_vit_b_with_50_prompts_has_460800_values():
    init_default_scope('mmseg')
    with without_storage():
        vit = MODELS.build(dict(type='VisionTransformer', img_size=224))
        model = nn.ModuleDict({'backbone': vit})
    deep = VPT().additions(model, None)
    shapes = shapes_of(deep, model.state_dict())
    assert sum(shape.numel() for shape in shapes.values()) == 460_800
    shallow = VPT(deep=False).additions(model, None)
    assert [*shapes_of(shallow, model.state_dict()).values()] == [(50, 768)]


def test_initial_values_fill_the_published_range():
    model = small_model('vit')  # patches of 3 x 8 x 8 values, width 16
    (one, _) = VPT(prompts=4000).additions(model, None)
    bound = math.sqrt(6 / (3 * 64 + 16))
    assert one.settings['bound'] == pytest.approx(bound, rel=1e-12)
    attach(model, VPT(prompts=4000).additions(model, None), seed=0)
    tokens = model['backbone'].layers[0].added.prompts.tokens
    assert bound * 0.999 < float(tokens.detach().abs().max()) <= bound
    assert float(tokens.detach().var()) == pytest.approx(
        bound**2 / 3, rel=0.02
    )


@pytest.mark.parametrize('deep', [True, False])
def test_dropout_acts_in_training_alone(deep):
    model = random_model('vit')
    settings = dict(prompts=3, deep=deep, dropout=0.5)
    tune(model, VPT(**settings), losses=[], seed=0)
    x = images(torch.double)
    assert torch.equal(model['backbone'](x)[0], model['backbone'](x)[0])
    model.train()
    assert not torch.equal(model['backbone'](x)[0], model['backbone'](x)[0])


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
@pytest.mark.parametrize('deep', [True, False])
def test_gradients_are_the_same_when_blocks_are_recomputed(deep):
    gradients = []
    for with_cp in (False, True):
        model = random_model('vit')
        for layer in model['backbone'].layers:
            layer.with_cp = with_cp
        settings = dict(prompts=3, deep=deep, dropout=0.5)
        tune(model, VPT(**settings), losses=[], seed=0)
        model.train()
        torch.manual_seed(3)
        model['backbone'](images(torch.double))[0].square().sum().backward()
        trained = [p for p in model.parameters() if p.requires_grad]
        gradients.append([p.grad for p in trained])
    plain, recomputed = gradients
    assert all(gradient.abs().max() > 0 for gradient in plain)
    torch.testing.assert_close(recomputed, plain)


@pytest.mark.parametrize('deep', [True, False])
def test_a_copy_has_prompts_of_its_own(deep):
    model = tuned('vit', prompts=3, deep=deep)
    x = images(torch.double)
    before = model['backbone'](x)[0]
    twin = copy.deepcopy(model)
    for name, parameter in model.named_parameters():
        if name.endswith('tokens'):
            parameter.data.zero_()
    assert torch.equal(twin['backbone'](x)[0], before)
    assert not torch.equal(model['backbone'](x)[0], before)
    assert plan_of(twin) == plan_of(model)


def test_nothing_of_a_failed_pass_is_left():
    model = tuned('vit', prompts=3, deep=False)
    vit = model['backbone']

    def fail(*_):
        raise OSError('stopped')

    handle = vit.layers[1].register_forward_pre_hook(fail)
    with pytest.raises(OSError, match='stopped'):
        vit(images(torch.double))
    handle.remove()
    copy.deepcopy(model)  # fails for a tensor with a graph
    with pytest.raises(RuntimeError, match='layers.1 first'):
        vit.layers[1](torch.zeros(1, 17, 16, dtype=torch.double))


@pytest.mark.parametrize('deep', [True, False])
def test_prompts_take_the_type_of_the_tokens_under_autocast(deep):
    model = small_model('mmpretrain vit')
    tune(model, VPT(prompts=3, deep=deep), losses=[], seed=0)
    seen = []
    layer = model['backbone'].layers[1]
    layer.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    x = torch.zeros(1, 17, 16, dtype=torch.bfloat16)
    with torch.autocast('cpu', torch.bfloat16):
        model['backbone'].layers[0](x)
        layer(x)
    assert [one.dtype for one in seen] == [torch.bfloat16]


def test_blocks_of_different_widths_cannot_share_prompts():
    layers = [
        nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)
        for width in (8, 16)
    ]
    model = nn.ModuleDict({'backbone': nn.Sequential(*layers)})
    with pytest.raises(ValueError, match=r'widths \[8, 16\]. Use deep=True'):
        tune(model, VPT(deep=False), losses=[], seed=0)


def test_prompts_cannot_be_merged():
    model = tuned('vit', prompts=3)
    with pytest.raises(ValueError, match='prompts cannot be merged'):
        merge(model)


def test_shallow_prompts_take_the_rate_of_the_first_block():
    model = small_model('vit')
    tuned_model = tune(model, VPT(deep=False), losses=[], seed=0)
    (plain,) = tuned_model.beside.values()
    assert plain is model['backbone'].layers[0].attn.attn.in_proj_weight


@pytest.mark.parametrize(
    ('settings', 'error'),
    [
        (dict(prompts=0), ValueError),
        (dict(prompts=2.0), TypeError),
        (dict(dropout=1.0), ValueError),
        (dict(dropout='no'), TypeError),
    ],
)
def test_settings_are_checked(settings, error):
    with pytest.raises(error, match=next(iter(settings))):
        VPT(**settings)


def test_out_indices_of_every_block_are_free_of_prompts():
    vit = dict(type='VisionTransformer', **VIT)
    init_default_scope('mmseg')
    vit |= dict(out_indices=(0, 1), final_norm=True)
    model = nn.ModuleDict({'backbone': MODELS.build(vit)})
    tune(model, VPT(prompts=3, deep=False), losses=[], seed=0)
    shapes = [f.shape for f in model['backbone'](images())]
    assert shapes == [(2, 16, SIDE // 8, SIDE // 8)] * 2
