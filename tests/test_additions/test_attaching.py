"""Additions come onto a model and off it, and nothing else changes."""

import copy

import pytest
import torch
from bits import other_bits
from torch import nn

from gps_seg.additions import (
    Added,
    Addition,
    Place,
    Plan,
    attach,
    beside,
    detach,
    is_added,
    plan_of,
    shapes_of,
)
from gps_seg.additions.kinds import ADDITIONS

BOTTLENECK = {'rank': 2, 'activation': 'gelu', 'init': 'zero_up'}
LOW_RANK = {'rank': 2, 'scale': 1.0, 'dropout': 0.0}
PROMPTS = {'shape': [2, 8], 'prefix': 0, 'bound': 0.5, 'dropout': 0.0}


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 6)
        self.tied = nn.Linear(8, 6)
        self.also = nn.Linear(8, 6)
        self.also.weight = self.tied.weight
        self.idle = nn.Identity()
        self.layers = nn.Sequential(nn.Linear(6, 4))
        self.taken = nn.Linear(4, 4)

    def forward(self, x):
        return self.layers(self.fc(self.attn(x, x, x)[0]))


def low_rank(*places):
    return Plan(Added('low_rank', Place.of(at), LOW_RANK) for at in places)


PLAN = Plan(
    [
        *low_rank('attn.in_proj_weight[0:8]', 'attn.in_proj_weight[16:24]'),
        *low_rank('attn.out_proj.weight', 'fc.weight'),
        Added('bottleneck', Place('layers.0.weight'), BOTTLENECK),
    ]
)


def state_of(model):
    return {n: t.clone() for n, t in model.state_dict().items()}


def assert_unchanged(model, before):
    assert list(model.state_dict()) == list(before)
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, before[name]).any(), name
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def test_attached_and_detached_a_model_is_what_it_was():
    model = Encoder()
    before, x = state_of(model), torch.randn(2, 3, 8)
    expected = model(x)
    attach(model, PLAN, seed=0)
    assert plan_of(model) == PLAN
    assert sum(map(is_added, model.state_dict())) == 12
    plain = [n for n in model.state_dict() if not is_added(n)]
    assert plain == list(before)
    detach(model)
    detach(model)
    assert plan_of(model) == Plan()
    assert_unchanged(model, before)
    assert torch.equal(model(x), expected)


def test_the_seed_alone_decides_the_initial_values():
    states = []
    for seed, draws in ((0, 0), (0, 5), (1, 0)):
        model = Encoder()
        torch.rand(draws)
        generator = torch.get_rng_state()
        attach(model, PLAN, seed)
        assert torch.equal(torch.get_rng_state(), generator)
        states.append(state_of(model))
    new = [name for name in states[0] if name.endswith('.a')]
    assert len(new) == 4
    for name in new:
        assert torch.equal(states[0][name], states[1][name])
        assert not torch.equal(states[0][name], states[2][name])


def test_what_is_added_has_the_dtype_and_the_mode_of_its_host():
    model = Encoder().double()
    model.fc.eval()
    attach(model, PLAN, seed=0)
    assert {t.dtype for t in model.state_dict().values()} == {torch.float64}
    assert not model.fc.added.low_rank.training
    assert model.attn.out_proj.added.low_rank.training


@pytest.mark.parametrize(
    ('place', 'kind', 'settings', 'message'),
    [
        ('fc.weight', 'huge_rank', LOW_RANK, "a kind among .*'low_rank'"),
        ('gone.weight', 'low_rank', LOW_RANK, "a weight of the model, got 'g"),
        ('gone', 'prompts', PROMPTS, "a module of the model, got 'gone'"),
        ('fc.bias', 'low_rank', LOW_RANK, r'of two axes, got shape \(6,\)'),
        ('fc.weight[0:7]', 'low_rank', LOW_RANK, 'rows between 0 and 6'),
        ('fc.weight[2:2]', 'low_rank', LOW_RANK, 'rows between 0 and 6'),
        (
            'fc.weight',
            'low_rank',
            {'rank': 2},
            r"arguments: 'scale' and 'dropout' \(fc",
        ),
        ('fc.weight', 'low_rank', {**LOW_RANK, 'rank': 7}, '1 to 6 for a map'),
        ('tied.weight', 'low_rank', LOW_RANK, 'a weight with one name'),
        ('also.weight', 'low_rank', LOW_RANK, 'a weight with one name'),
        ('layers', 'prompts', PROMPTS, 'children in turn, got Sequential'),
        ('idle', 'prompts', PROMPTS, 'with parameters, .* got Identity'),
        ('taken', 'prompts', PROMPTS, "without 'added', got one with Linear"),
        ('taken.weight', 'low_rank', LOW_RANK, 'The name is reserved'),
    ],
)
def test_a_plan_that_does_not_fit_changes_nothing(
    place, kind, settings, message
):
    model = Encoder()
    model.taken.added = nn.Linear(1, 1)
    before = state_of(model)
    wrong = Added(kind, Place.of(place), settings)
    with pytest.raises(ValueError, match=message):
        attach(model, Plan([*low_rank('attn.out_proj.weight'), wrong]), 0)
    assert_unchanged(model, before)


@pytest.mark.parametrize(
    'plan',
    [
        Plan([*low_rank('fc.weight[0:3]'), *low_rank('fc.weight[2:6]')]),
        Plan([*low_rank('fc.weight[0:3]'), *low_rank('fc.weight')]),
        Plan(
            [
                *low_rank('fc.weight'),
                Added('bottleneck', Place('fc.weight'), BOTTLENECK),
            ]
        ),
    ],
)
def test_two_forms_of_one_row_are_refused(plan):
    model = Encoder()
    before = state_of(model)
    with pytest.raises(ValueError, match=r'one form for each row of fc\.weig'):
        attach(model, plan, seed=0)
    assert_unchanged(model, before)


class Failing(Addition):
    """Fails when it is hung on a host that already has a hook."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def hang(self, host):
        raise ValueError('it does not hang here')


def test_an_addition_that_fails_takes_all_others_off(monkeypatch):
    monkeypatch.setitem(ADDITIONS, 'z_failing', Failing)
    model = Encoder()
    before = state_of(model)
    failing = Added('z_failing', Place('fc'), {})
    with pytest.raises(ValueError, match='it does not hang here'):
        attach(model, Plan([*PLAN, failing]), seed=0)
    assert_unchanged(model, before)


def test_a_model_with_additions_takes_no_others():
    model = Encoder()
    attach(model, low_rank('fc.weight'), seed=0)
    with pytest.raises(RuntimeError, match=r'with 1 additions \(low_rank\)'):
        attach(model, low_rank('attn.out_proj.weight'), seed=0)
    assert plan_of(model) == low_rank('fc.weight')


def test_a_copy_has_hooks_of_its_own():
    model = Encoder()
    attach(model, PLAN, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    other, x = copy.deepcopy(model), torch.randn(2, 3, 8)
    expected = model(x)
    detach(other)
    assert torch.equal(model(x), expected)
    assert not torch.equal(other(x), expected)
    part = copy.deepcopy(model.fc)
    detach(model)
    assert not torch.equal(part(x), model.fc(x))
    assert is_added(list(part.state_dict())[-1])


def test_new_parameters_stand_beside_those_of_their_host():
    model = Encoder()
    tokens = Added('prompts', Place('attn'), PROMPTS)
    attach(model, Plan([*PLAN, tokens]), seed=0)
    names = {p: n for n, p in model.named_parameters()}
    found = {names[new]: names[plain] for new, plain in beside(model).items()}
    assert found == {
        'attn.added.low_rank_in_proj_weight_0_8.a': 'attn.in_proj_weight',
        'attn.added.low_rank_in_proj_weight_0_8.b': 'attn.in_proj_weight',
        'attn.added.low_rank_in_proj_weight_16_24.a': 'attn.in_proj_weight',
        'attn.added.low_rank_in_proj_weight_16_24.b': 'attn.in_proj_weight',
        'attn.added.prompts.tokens': 'attn.in_proj_weight',
        'attn.out_proj.added.low_rank.a': 'attn.out_proj.weight',
        'attn.out_proj.added.low_rank.b': 'attn.out_proj.weight',
        'fc.added.low_rank.a': 'fc.weight',
        'fc.added.low_rank.b': 'fc.weight',
        'layers.0.added.bottleneck.down.weight': 'layers.0.weight',
        'layers.0.added.bottleneck.down.bias': 'layers.0.bias',
        'layers.0.added.bottleneck.up.weight': 'layers.0.weight',
        'layers.0.added.bottleneck.up.bias': 'layers.0.bias',
    }


def test_shapes_are_those_of_the_attached_model():
    model = Encoder()
    shapes = shapes_of(PLAN, model.state_dict())
    attach(model, PLAN, seed=0)
    state = model.state_dict()
    assert shapes == {n: t.shape for n, t in state.items() if is_added(n)}


def test_shapes_take_no_memory():
    many = PROMPTS | {'shape': [2**40, 8]}
    shapes = shapes_of(Plan([Added('prompts', Place('w'), many)]), {})
    assert shapes == {'w.added.prompts.tokens': (2**40, 8)}
