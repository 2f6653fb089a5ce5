"""Pruned prompts, against gates and gradients written out in plain torch."""

import copy
import json

import pytest
import torch
from bits import other_bits
from meta_models import without_storage
from mmengine.registry import MODELS, init_default_scope
from small_encoders import SIDE, small_model
from torch import nn

from gps_seg.additions import (
    Added,
    Place,
    Plan,
    attach,
    detach,
    is_added,
    merge,
    plan_of,
    shapes_of,
)
from gps_seg.delta import Delta, DeltaInfo, apply, revert
from gps_seg.delta.baseline import Baseline
from gps_seg.peft import E2VPT, tune
from gps_seg.sparse import Selection

WIDTH, PROMPTS = 16, 6
BASE = dict(prompts=PROMPTS, key_value_prompts=2, dropout=0.0)
BOTH = dict(keep_tokens=0.5, keep_segments=0.4)  # 3 of 6, and 6 of 16


def images(seed):
    generator = torch.Generator().manual_seed(seed)
    shape = 2, 3, SIDE, SIDE
    return torch.rand(shape, generator=generator, dtype=torch.double)


def random_model(name='vit'):
    torch.manual_seed(2)
    model = small_model(name).double()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def losses_of(model, seeds=(1, 2, 3)):
    """Losses whose gradients have different signs."""
    return [
        lambda s=s: (-1) ** s * model['backbone'](images(s))[0].sin().sum()
        for s in seeds
    ]


def tokens_of(model):
    """The tokens of each block, by its name."""
    return {
        name.partition('.added.')[0]: parameter
        for name, parameter in model.named_parameters()
        if name.endswith('.tokens')
    }


def left_in(tuned):
    """What is left in each block, from the plan."""
    return {
        str(one.place): dict(one.settings['kept'])
        for one in tuned.added
        if one.kind == 'pruned_prompts'
    }


class Block(nn.Module):
    """Tokens are mixed by a matrix, and act through tanh."""

    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        mixed = x.softmax(1).mT @ x
        return (self.fc(x) @ mixed).tanh()


def test_gates_have_the_gradients_of_factors_written_by_hand():
    torch.manual_seed(0)
    model = nn.ModuleDict({'block': Block(8)}).double()
    settings = {
        'shape': [4, 8],
        'prefix': 1,
        'bound': 0.5,
        'segments': 4,
        'kept': [[0, [0, 2, 3]], [3, [1, 2, 3]]],
        'dropout': 0.0,
        'gated': True,
    }
    at = Added('pruned_prompts', Place('block'), settings)
    attach(model, Plan([at]), seed=0)
    added = model['block'].added['pruned_prompts']
    x = torch.randn(2, 5, 8, dtype=torch.double)
    output = model['block'](x)
    output.square().sum().backward()

    values = added.tokens.detach()
    gates = torch.ones(2, dtype=torch.double, requires_grad=True)
    parts = torch.ones(2, 3, dtype=torch.double, requires_grad=True)
    whole = []
    for i, (_, own) in enumerate(settings['kept']):
        token = [torch.zeros(2, dtype=torch.double)] * 4
        for j, segment in enumerate(own):
            piece = values[i, 2 * j : 2 * j + 2]
            token[segment] = gates[i] * parts[i, j] * piece
        whole.append(torch.cat(token).expand(2, -1))
    tokens = torch.cat([x[:, :1], torch.stack(whole, 1), x[:, 1:]], 1)
    block = model['block']
    inner = block.fc(tokens) @ (tokens.softmax(1).mT @ tokens)
    expected = inner.tanh()[:, [0, 3, 4, 5, 6]]
    torch.testing.assert_close(output, expected)
    by_hand = torch.autograd.grad(expected.square().sum(), [gates, parts])
    got = [added.token_gates.grad, added.segment_gates.grad]
    torch.testing.assert_close(got, list(by_hand))
    assert min(g.abs().min() for g in got) > 1e-6


def importance_of(model, block):
    """Sums of |<token, gradient>| of an unpruned model, and of segments."""
    token = tokens_of(model)[block]
    whole, parts = 0, 0
    for loss in losses_of(model):
        (gradient,) = torch.autograd.grad(loss(), token)
        product = (token * gradient).detach()
        whole = whole + product.sum(1).abs()
        parts = parts + product.unflatten(1, (16, -1)).sum(2).abs()
    return whole, parts


@pytest.mark.parametrize(
    ('settings', 'tokens', 'segments'),
    [
        (dict(keep_tokens=0.5), 3, 1),
        (dict(keep_segments=0.4), 6, 6),
        (BOTH, 3, 6),
        (dict(keep_tokens=0.01, keep_segments=0.01), 1, 4),
    ],
)
@pytest.mark.parametrize('name', ['vit', 'mmpretrain vit'])
def test_the_most_important_tokens_and_segments_are_left(
    name, settings, tokens, segments
):
    plain = random_model(name)
    attach(plain, E2VPT(**BASE).additions(plain, None), seed=0)
    model = random_model(name)
    tuned = tune(model, E2VPT(**BASE, **settings), losses_of(model), seed=0)
    left = left_in(tuned)
    assert left.keys() == tokens_of(plain).keys() and len(left) == 2
    for block, own in left.items():
        whole, parts = importance_of(plain, block)
        best = whole.argsort(descending=True)[:tokens]
        assert list(own) == sorted(best.tolist())
        for token, kept in own.items():
            best = parts[token].argsort(descending=True)[:segments]
            if segments == 1:
                best = torch.tensor([0])  # a token is one segment
            assert kept == sorted(best.tolist())
    assert len({json.dumps(own) for own in left.values()}) == 2


def test_what_is_left_begins_with_the_bits_of_the_unpruned_prompts():
    plain, model = random_model(), random_model()
    attach(plain, E2VPT(**BASE).additions(plain, None), seed=3)
    tuned = tune(model, E2VPT(**BASE, **BOTH), losses_of(model), seed=3)
    keys = [n for n, _ in model.named_parameters() if n.endswith('.keys')]
    for name in keys:
        expected, found = (m.state_dict()[name] for m in (plain, model))
        assert not other_bits(expected, found).any()
    for block, own in left_in(tuned).items():
        values = tokens_of(model)[block]
        segments = values.unflatten(1, (6, 1))
        for i, (token, kept) in enumerate(own.items()):
            whole = tokens_of(plain)[block][token].unflatten(0, (16, 1))
            assert not other_bits(segments[i], whole[kept]).any()


def test_a_model_computes_with_zeros_in_the_place_of_pruned_segments():
    plain, model = random_model(), random_model()
    method = E2VPT(**BASE | dict(prompts=3))
    tuned = tune(model, E2VPT(**BASE, **BOTH), losses_of(model), seed=0)
    attach(plain, method.additions(plain, None), seed=0)
    for name, parameter in plain.named_parameters():
        if name.endswith('.keys'):
            parameter.data.copy_(model.state_dict()[name])
    for block, own in left_in(tuned).items():
        tokens = tokens_of(plain)[block]
        tokens.data.zero_()
        for i, kept in enumerate(own.values()):
            tokens.data[i, kept] = tokens_of(model)[block][i].detach()
    expected = plain['backbone'](images(1))[0]
    torch.testing.assert_close(model['backbone'](images(1))[0], expected)


@pytest.mark.parametrize(
    ('settings', 'values'),
    [
        (dict(keep_tokens=0.5), 25 * 768),
        (dict(keep_segments=0.5), 50 * 384),
        (dict(keep_tokens=0.3, keep_segments=0.1), 15 * 4 * 48),
        (dict(keep_tokens=0.001), 768),
    ],
)
def test_counts_of_vit_b(settings, values):
    init_default_scope('mmseg')
    with without_storage():
        vit = MODELS.build(dict(type='VisionTransformer', img_size=224))
        model = nn.ModuleDict({'backbone': vit})
    plan = E2VPT(**settings).additions(model, None)
    shapes = shapes_of(plan, model.state_dict())
    count = sum(shape.numel() for shape in shapes.values())
    assert count == 12 * (values + 5 * 768)


def test_gates_are_gone_after_the_choice():
    model = random_model()
    tuned = tune(model, E2VPT(**BASE, **BOTH), losses_of(model), seed=0)
    assert not [name for name in model.state_dict() if 'gates' in name]
    added = [n for n, _ in tuned.named_parameters() if is_added(n)]
    assert sorted(n.rpartition('.')[2] for n in added) == (
        ['keys'] * 2 + ['tokens'] * 2
    )


def state_of(model):
    """All that a pass may disturb."""
    return {
        'bits': {n: t.clone() for n, t in model.state_dict().items()},
        'modules': [(n, type(m)) for n, m in model.named_modules()],
        'flags': [m.training for m in model.modules()],
        'grad': [(p.requires_grad, p.grad) for p in model.parameters()],
        'hooks': [
            len(m._forward_hooks) + len(m._forward_pre_hooks)
            for m in model.modules()
        ],
        'generator': torch.get_rng_state(),
    }


def assert_same(found, expected):
    for key, values in expected.items():
        if key == 'bits':
            for name, tensor in values.items():
                assert not other_bits(found[key][name], tensor).any(), name
            assert list(found[key]) == list(values)
        elif key == 'generator':
            assert torch.equal(found[key], values)
        else:
            assert found[key] == values, key


def test_an_error_in_the_pass_leaves_the_model_as_it_was():
    model = random_model()
    model['backbone'].layers[0].eval()
    model['backbone'].cls_token.requires_grad_(False)

    def fail():
        assert len(plan_of(model)) == 4
        torch.rand(1)
        raise OSError('stopped')

    before, losses = state_of(model), [*losses_of(model), fail]
    with pytest.raises(OSError, match='stopped'):
        tune(model, E2VPT(**BASE, **BOTH), losses, seed=0)
    assert_same(state_of(model), before)


def test_the_choice_leaves_the_model_as_it_was():
    model = random_model()
    method = E2VPT(**BASE, **BOTH)
    before = state_of(model)
    torch.manual_seed(5)
    before['generator'] = torch.get_rng_state()
    losses = [lambda f=f: f() + torch.rand(()) for f in losses_of(model)]
    tuned = tune(model, method, losses, seed=0)
    tuned.release()
    detach(model)
    assert_same(state_of(model), before)


def test_without_pruning_nothing_is_attached_before_the_training():
    model = random_model()
    assert len(E2VPT(**BASE).provisional(model)) == 0
    assert E2VPT(**BASE).evidence is None


def test_gates_take_no_part_in_what_a_model_computes():
    plain, model = random_model(), random_model()
    attach(plain, E2VPT(**BASE).additions(plain, None), seed=0)
    attach(model, E2VPT(**BASE, **BOTH).provisional(model), seed=0)
    expected = plain['backbone'](images(1))[0]
    assert torch.equal(model['backbone'](images(1))[0], expected)


def test_a_delta_rebuilds_a_model_with_pruned_prompts(tmp_path):
    base = random_model()
    model = copy.deepcopy(base)
    tuned = tune(model, E2VPT(**BASE, **BOTH), losses_of(model), seed=0)
    new = set(filter(is_added, model.state_dict()))
    baseline = Baseline.of(model, Selection({}, {}), tuned.whole, new)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    losses_of(model)[0]().backward()
    optimizer.step()
    info = DeltaInfo(added=tuned.added.to_json())
    delta = baseline.delta(model.state_dict(), info)
    delta.save(tmp_path / 'delta.safetensors')
    found = copy.deepcopy(base)
    apply(found, Delta.load(tmp_path / 'delta.safetensors'))
    assert plan_of(found) == tuned.added
    expected = model['backbone'](images(1))[0]
    assert torch.equal(found['backbone'](images(1))[0], expected)
    revert(found)
    assert_same(state_of(found), state_of(base))


def test_pruned_prompts_cannot_be_merged():
    model = random_model()
    tune(model, E2VPT(**BASE, **BOTH), losses_of(model), seed=0)
    detach(model)
    plan = E2VPT(**BASE, **BOTH).additions(model, None)
    attach(model, Plan(o for o in plan if o.kind == 'pruned_prompts'), seed=0)
    with pytest.raises(ValueError, match='pruned_prompts cannot be merged'):
        merge(model)


def test_tokens_take_the_type_of_the_others_under_autocast():
    model = small_model('mmpretrain vit')
    plan = E2VPT(**BASE, **BOTH).additions(model, None)
    attach(model, plan, seed=0)
    seen = []
    layer = model['backbone'].layers[1]
    layer.ln1.register_forward_pre_hook(lambda _m, args: seen.extend(args))
    x = torch.zeros(1, 5, WIDTH, dtype=torch.bfloat16)
    with torch.autocast('cpu', torch.bfloat16):
        layer(x)
    assert [one.dtype for one in seen] == [torch.bfloat16]
    assert seen[0].shape == (1, 5 + 3, WIDTH)


def test_a_loss_without_prompts_is_an_error():
    model = random_model()
    zero = [lambda: 0 * model['backbone'](images(1))[0].sum()]
    with pytest.raises(ValueError, match='expected gradients in the prompts'):
        tune(model, E2VPT(**BASE, **BOTH), zero, seed=0)
    assert len(plan_of(model)) == 0


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        (dict(keep_tokens=0), ValueError, 'keep_tokens'),
        (dict(keep_tokens=1.1), ValueError, 'keep_tokens'),
        (dict(keep_segments=-1), ValueError, 'keep_segments'),
        (dict(keep_segments='all'), TypeError, 'keep_segments'),
        (dict(keep_tokens=0.5, prompts=0), ValueError, 'prompts to prune'),
    ],
)
def test_settings_are_checked(settings, error, message):
    with pytest.raises(error, match=message):
        E2VPT(**settings)


def test_a_width_that_segments_do_not_divide_is_refused():
    layer = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
    model = nn.ModuleDict({'backbone': nn.Sequential(layer)})

    def no_data():
        raise AssertionError('the data was read')

    with pytest.raises(ValueError, match='16 segments divide, got width 8'):
        tune(model, E2VPT(keep_segments=0.5), [no_data], seed=0)


@pytest.mark.parametrize(
    'changed',
    [
        dict(kept=[]),
        dict(kept=[[1, [0]], [0, [0]]]),
        dict(kept=[[4, [0]]]),
        dict(kept=[[-1, [0]]]),
        dict(kept=[[0, []]]),
        dict(kept=[[0, [1, 0]]]),
        dict(kept=[[0, [4]]]),
        dict(kept=[[0, [0, 1]], [1, [0]]]),
        dict(kept=[0, 1]),
        dict(segments=3),
        dict(segments=0),
    ],
)
def test_tokens_and_segments_that_there_are_not_are_an_error(changed):
    model = nn.ModuleDict({'block': Block(8)})
    settings = {'shape': [4, 8], 'prefix': 0, 'bound': 1.0, 'segments': 4}
    settings |= {'dropout': 0.0, 'gated': False}
    settings |= {'kept': [[0, [0]]]} | changed
    plan = Plan([Added('pruned_prompts', Place('block'), settings)])
    message = 'pruned_prompts: (kept: expected|segments: expected|cannot)'
    with pytest.raises(ValueError, match=message):
        attach(model, plan, seed=0)
    assert len(plan_of(model)) == 0


def test_the_settings_of_the_pass_count_only_if_something_is_pruned():
    given = frozenset({'loss', 'batch_size'})
    assert E2VPT(keep_tokens=0.5).ignored(given) == {}
    assert E2VPT().ignored(given).keys() == given
