"""Tuners of the PEFT library, against the library's own wrappers.

Skipped without the library: it is an extra (``pip install 'gps-seg[peft]'``).
"""

import copy
import json
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gps_seg.additions import (
    Plan,
    additions_of,
    attach,
    detach,
    is_added,
    merge,
    plan_of,
    shapes_of,
)
from gps_seg.peft import LoRA, PeftLibrary, tune

# What the library warns of is its own.
pytestmark = [pytest.mark.optional, pytest.mark.filterwarnings('ignore')]

WIDTH, HEADS = 24, 2
TUNERS = [
    ('lora', dict(r=4, lora_alpha=6)),
    ('lora', dict(r=4, use_dora=True)),
    ('lora', dict(r=4, use_rslora=True)),
    ('lora', dict(r=4, lora_bias=True)),
    ('lora', dict(r=4, init_lora_weights='orthogonal')),
    ('lora', dict(r=4, init_lora_weights='mica')),
    ('beft', {}),
    ('boft', dict(boft_block_size=4)),
    ('c3a', dict(block_size=8)),
    ('deft', dict(r=4)),
    ('delora', dict(r=4)),
    ('fourierft', dict(n_frequency=30)),
    ('glora', dict(r=4)),
    ('gralora', dict(r=4)),
    ('hira', dict(r=4)),
    ('hra', dict(r=4)),
    ('ia3', {}),
    ('loha', dict(r=4)),
    ('lokr', dict(r=4)),
    ('miss', dict(r=4)),
    ('oft', dict(oft_block_size=4)),
    ('peanut', dict(r=4)),
    ('randlora', dict(r=4, save_projection=False)),
    ('road', dict(group_size=8)),
    ('shira', dict(r=2)),
    ('supertuning', {}),
    ('waveft', dict(n_frequency=30)),
]
TUNER = pytest.mark.parametrize(('peft_type', 'settings'), TUNERS, ids=str)
#: Tuners whose layers compute in float32, whatever the weight is.
SINGLE = {'c3a', 'deft'}
X = torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def library():
    return pytest.importorskip(
        'peft', reason="the extra 'peft' is not installed"
    )


def make(dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    nn.init.normal_(attention.in_proj_bias)
    backbone = nn.ModuleDict({'attn': attention, 'fc': nn.Linear(WIDTH, 16)})
    return nn.ModuleDict({'backbone': backbone}).to(dtype)


def run(model, x=None):
    backbone = model['backbone']
    x = X.double() if x is None else x
    return backbone['fc'](backbone['attn'](x, x, x)[0])


def tuned(peft_type, settings, dtype=torch.float64):
    """A model with tuners of random values at q, v and a linear layer."""
    model = make(torch.float32)
    method = PeftLibrary(
        peft_type=peft_type, settings=settings, on=('q', 'v', 'other')
    )
    tune(model, method, losses=[], seed=3)
    model.to(dtype)
    torch.manual_seed(4)
    with torch.no_grad():
        for parameter in added(model).values():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def added(model):
    return {n: p for n, p in model.named_parameters() if is_added(n)}


def wrapped_by_the_library(library, model):
    """Wrappers of the library around layers of their own, by name.

    The layers of one shape are wrapped together, as some share random
    matrices, which have the sizes of the largest.
    """
    attention, fc = model['backbone']['attn'], model['backbone']['fc']
    weights = attention.in_proj_weight.chunk(3)
    biases = attention.in_proj_bias.chunk(3)
    packed = nn.ModuleDict(
        {
            n: layer_of(w, b)
            for n, w, b in zip('qkv', weights, biases, strict=True)
        }
    )
    single = nn.ModuleDict({'fc': layer_of(fc.weight, fc.bias)})
    for layers, targets in ((packed, ['q', 'v']), (single, ['fc'])):
        config = config_for(library, model, targets)
        library.inject_adapter_in_model(config, layers.float())
    layers = {**packed.double().eval(), **single.double().eval()}
    for name, tuner in tuners(model).items():
        layers[name].load_state_dict(tuner.layer.state_dict(), strict=False)
    return layers


def layer_of(weight, bias):
    layer = nn.Linear(*reversed(weight.shape), dtype=weight.dtype)
    layer.load_state_dict({'weight': weight, 'bias': bias})
    return layer


def config_for(library, model, targets):
    tuner = tuners(model)['fc']
    settings = {'target_modules': targets, **tuner.settings}
    if tuner.peft_type == 'ia3':
        settings['feedforward_modules'] = []
    kind = {'peft_type': tuner.peft_type.upper()}
    return library.get_peft_config(kind | settings)


def tuners(model):
    return {
        'fc' if one.attribute == 'weight' else 'qkv'[one.rows[0] // WIDTH]: one
        for one in additions_of(model).values()
    }


def run_wrapped(layers, model):
    """What the model computes, in plain torch, with these layers."""
    q, k, v = (
        layers[n](X.double()).view(2, 5, HEADS, -1).transpose(1, 2)
        for n in 'qkv'
    )
    mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
    out = model['backbone']['attn'].out_proj
    hidden = F.linear(mixed.reshape(2, 5, WIDTH), out.weight, out.bias)
    return layers['fc'](hidden)


@TUNER
def test_a_tuner_computes_what_the_library_does(library, peft_type, settings):
    model = tuned(peft_type, settings)
    layers = wrapped_by_the_library(library, model)
    outputs, expected = run(model), run_wrapped(layers, model)
    assert close(outputs, expected, peft_type)
    outputs.square().sum().backward()
    expected.square().sum().backward()
    for name, tuner in tuners(model).items():
        theirs = dict(layers[name].named_parameters())
        for key, parameter in tuner.layer.named_parameters():
            assert close(parameter.grad, theirs[key].grad, peft_type)


def close(values, expected, peft_type):
    tolerance = 1e-6 if peft_type in SINGLE else 1e-12
    atol = tolerance * max(1, expected.abs().max().item())
    return torch.allclose(values, expected, rtol=0, atol=atol)


@TUNER
def test_the_model_stays_the_plain_one(library, peft_type, settings):
    plain = make(torch.float32).double().eval().requires_grad_(False)
    model = tuned(peft_type, settings)
    modules = dict(model.named_modules())
    for name, module in plain.named_modules():
        assert type(modules[name]) is type(module)
    own = {n: t for n, t in model.state_dict().items() if not is_added(n)}
    assert own.keys() == plain.state_dict().keys()
    assert all(map(torch.equal, own.values(), plain.state_dict().values()))
    run(model).sum().backward()
    grads = {n for n, p in model.named_parameters() if p.grad is not None}
    assert grads == added(model).keys()
    detach(model)
    assert torch.equal(run(model), run(plain))


@TUNER
def test_plan_and_state_give_it_back_bit_for_bit(library, peft_type, settings):
    model = tuned(peft_type, settings, torch.float32)
    plan = Plan.from_json(json.loads(json.dumps(plan_of(model).to_json())))
    state = model.state_dict()
    again = make(torch.float32, seed=8)
    expected = {n: t.shape for n, t in state.items() if is_added(n)}
    assert shapes_of(plan, again.state_dict()) == expected
    attach(again, plan, seed=9)
    again.load_state_dict(state)
    output = run(model, X)
    # Where tensors lie in memory may change the order of sums.
    close = dict(rtol=1e-5, atol=1e-5 * output.abs().max().item())
    for one in (again.eval(), copy.deepcopy(model)):
        assert all(map(torch.equal, one.state_dict().values(), state.values()))
        torch.testing.assert_close(run(one, X), output, **close)


@TUNER
def test_it_merges(library, peft_type, settings):
    model = tuned(peft_type, settings)
    before, keys = run(model), make().state_dict().keys()
    tuner = tuners(model)['fc']
    host = dict(model['backbone']['fc'].named_parameters())
    once, twice = tuner.merged(host), tuner.merged(host)
    assert all(map(torch.equal, once.values(), twice.values()))
    assert torch.equal(run(model), before)
    assert not torch.allclose(before, run(make()), atol=1e-3)
    merge(model)
    assert model.state_dict().keys() == keys
    assert close(run(model), before, peft_type)


@TUNER
def test_autocast_keeps_its_type(library, peft_type, settings):
    model = tuned(peft_type, settings, torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        assert run(model, X).dtype == torch.bfloat16


def test_own_lora_is_that_of_the_library(library):
    """Equal outputs and gradients for the same A and B."""
    theirs = tuned('lora', dict(r=4, lora_alpha=6))
    ours = make()
    method = LoRA(rank=4, alpha=6, on=('q', 'v', 'other'))
    tune(ours, method, losses=[], seed=0)
    renamed = {
        name.replace('peft_tuner', 'low_rank')
        .replace('layer.lora_A.default.weight', 'a')
        .replace('layer.lora_B.default.weight', 'b'): parameter
        for name, parameter in added(theirs).items()
    }
    ours.load_state_dict({**ours.state_dict(), **renamed})
    assert torch.allclose(run(ours), run(theirs), rtol=0, atol=1e-14)
    for model in (ours, theirs):
        run(model).square().sum().backward()
    assert len(renamed) == 6
    for name, parameter in renamed.items():
        own = ours.get_parameter(name).grad
        assert torch.allclose(own, parameter.grad, rtol=1e-12, atol=1e-12)


def test_ia3_of_the_library_scales_the_outputs(library):
    """``l * (W x + b)`` (Liu et al., 2022), on one layer."""
    model = tuned('ia3', {})
    layer = model['backbone']['fc']
    (scale,) = (p for n, p in added(model).items() if '.fc.' in n)
    x = X.double()
    expected = F.linear(x, layer.weight, layer.bias) * scale.view(-1)
    assert torch.allclose(layer(x), expected, rtol=0, atol=1e-14)


def test_magnitudes_start_at_the_norms_of_the_weight(library):
    """Without them DoRA would not start at the plain model."""
    model = make()
    method = PeftLibrary(peft_type='lora', settings=dict(r=2, use_dora=True))
    tune(model, method, losses=[], seed=0)
    rows = model['backbone']['attn'].in_proj_weight.norm(dim=1)
    found = [p for n, p in added(model).items() if 'magnitude' in n]
    assert torch.allclose(found[0], rows[:WIDTH])
    assert torch.allclose(found[1], rows[2 * WIDTH :])
    assert torch.allclose(run(model), run(make()), rtol=0, atol=1e-14)


def test_present_defaults_are_in_the_plan(library):
    model = tuned('lora', dict(r=4))
    record = plan_of(model).to_json()
    assert record[0]['settings']['peft_type'] == 'lora'
    settings = record[0]['settings']['settings']
    assert settings['lora_alpha'] == 8
    assert 'target_modules' not in settings


@pytest.mark.parametrize(
    ('peft_type', 'settings', 'message'),
    [
        ('qlora', {}, "peft_type: expected one of .*'oft'.*, got 'qlora'"),
        ('vera', {}, 'its layers share tensors'),
        ('lily', {}, 'its layers share tensors'),
        ('adalora', dict(total_step=9), 'calls in the training loop'),
        ('ln_tuning', {}, 'a copy of the module'),
        ('lora', dict(rank=4), "expected settings among .*'r'.*, got .'rank'"),
        ('lora', dict(target_modules=['q']), "Places are given by 'on'"),
        ('lora', dict(bias='all'), "got .'bias'"),
        ('lora', dict(r=0), 'peft, lora: .*integer'),
        ('lora', dict(init_lora_weights='pissa'), 'change the weight'),
        ('lora', dict(init_lora_weights='olora'), 'change the weight'),
        ('lora', dict(init_lora_weights='eva'), 'a pass over data'),
        ('lora', dict(runtime_config=object()), 'settings of plain data'),
        ('osf', {}, 'whose state dict holds all'),
        ('psoft', dict(r=8), 'whose state dict holds all'),
        ('c3a', dict(block_size=7), 'peft, c3a: '),
    ],
)
def test_what_does_not_fit_is_refused(library, peft_type, settings, message):
    model = make()
    method = PeftLibrary(peft_type=peft_type, settings=settings)
    with pytest.raises(ValueError, match=message):
        tune(model, method, losses=[], seed=0)
    assert not added(model)


def test_starts_that_move_the_weight_are_seen_by_trying(library, monkeypatch):
    """Also those that a later version of the library may bring."""
    module = sys.modules['gps_seg.additions.peft_library.configuration']
    monkeypatch.setattr(module, '_STARTS', {})
    settings = dict(init_lora_weights='pissa', r=2)
    method = PeftLibrary(peft_type='lora', settings=settings)
    with pytest.raises(ValueError, match='leave the weight as it is'):
        tune(make(), method, losses=[], seed=0)


def test_parameters_at_vit_b(library):
    """q and v of twelve blocks, from shapes alone."""
    width, rank = 768, 8
    with torch.device('meta'):
        layers = nn.ModuleList(
            nn.MultiheadAttention(width, 12) for _ in range(2)
        )
        model = nn.ModuleDict({'backbone': layers})
    for peft_type, settings, expected in [
        ('lora', dict(r=rank), rank * 2 * width),
        ('oft', dict(oft_block_size=32), width // 32 * (32 * 31 // 2)),
        ('hra', dict(r=rank), rank * width),
        ('ia3', {}, width),
    ]:
        method = PeftLibrary(peft_type=peft_type, settings=settings)
        plan = method.additions(model, None)
        shapes = shapes_of(plan, model.state_dict()).values()
        assert sum(s.numel() for s in shapes) == 2 * 2 * expected


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'peft', None)
    method = PeftLibrary(peft_type='oft')
    with pytest.raises(ImportError, match=r"peft: expected .* 'peft>="):
        tune(make(), method, losses=[], seed=0)


def test_settings_are_a_mapping():
    with pytest.raises(TypeError, match='settings: expected a dict'):
        PeftLibrary(peft_type='oft', settings=4)
