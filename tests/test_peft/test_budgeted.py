"""The places that a budget keeps, against sums written out by hand."""

import pytest
import torch
from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.peft import GPS, METHODS, SCT, Budgeted, LoRA, build_method, tune
from gps_seg.peft.adding import AddsModules
from gps_seg.sparse import gps_roles

WIDTH, HIDDEN = 8, 12


def task():
    torch.manual_seed(0)
    encoder = nn.Sequential(
        *(
            nn.TransformerEncoderLayer(
                WIDTH, 2, HIDDEN, 0.0, batch_first=True, norm_first=True
            )
            for _ in range(2)
        )
    )
    model = nn.ModuleDict({'backbone': encoder, 'head': nn.Linear(WIDTH, 3)})
    batches = torch.randn(3, 2, 6, WIDTH)
    losses = [
        lambda x=x: model['head'](model['backbone'](x)).square().mean()
        for x in batches
    ]
    return model, losses


def worth(model, losses):
    """Place -> sensitivity per value of an update of rank 2, and values."""
    total = {n: torch.zeros_like(p) for n, p in model.named_parameters()}
    for loss in losses:
        found = torch.autograd.grad(loss(), list(model.parameters()))
        for name, gradient in zip(total, found, strict=True):
            total[name] += gradient**2
    result = {}
    for name, squares in total.items():
        if not name.startswith('backbone.') or squares.ndim < 2:
            continue
        packed = 'in_proj' in name
        for start in range(0, len(squares), WIDTH) if packed else [0]:
            rows = (start, start + WIDTH) if packed else None
            part = squares[slice(*rows)] if packed else squares
            values = 2 * sum(part.shape)
            ratio = part.sum().item() / values
            result[str(Place(name, rows))] = (ratio, values)
    return result


@pytest.mark.parametrize('budget', [32, 40, 72, 130, 200, 300])
def test_the_most_sensitive_maps_are_kept_as_long_as_they_fit(budget):
    model, losses = task()
    left, expected = budget, set()
    ranked = sorted(worth(model, losses).items(), key=lambda item: -item[1][0])
    for place, (_, values) in ranked:
        if values <= left:
            expected.add(place)
            left -= values
    method = Budgeted(of=LoRA(rank=2, on=('all',)), budget=budget)
    tuned = tune(model, method, losses, seed=0)
    assert {str(one.place) for one in tuned.added} == expected
    assert tuned.count()['whole'] - 3 * WIDTH - 3 == budget - left


def test_a_map_that_is_less_sensitive_but_cheaper_goes_first():
    model, _ = task()
    layer = model['backbone'][0]
    fc1, proj = layer.linear1.weight, layer.self_attn.out_proj.weight

    def loss():  # 1.1 / 40 values of an update for fc1, 1 / 32 for proj
        return fc1[0, 0] * 1.1**0.5 + proj[0, 0]

    method = Budgeted(of=LoRA(rank=2, on=('fc1', 'proj')), budget=40)
    (one,) = tune(model, method, [loss], seed=0).added
    assert one.place.name.endswith('out_proj.weight')


def test_the_settings_of_the_method_are_kept():
    model, losses = task()
    of = LoRA(rank=2, alpha=6, on=('fc1', 'fc2'), dropout=0.5)
    tuned = tune(model, Budgeted(of=of, budget=100), losses, seed=0)
    settings = {'rank': 2, 'scale': 3.0, 'dropout': 0.5}
    assert [dict(one.settings) for one in tuned.added] == [settings] * 2


def test_a_frozen_encoder_is_scored_too():
    model, losses = task()
    model['backbone'].requires_grad_(False)
    tuned = tune(model, Budgeted(of=LoRA(rank=2), budget=40), losses, seed=0)
    assert len(tuned.added) == 1


def test_a_config_holds_the_config_of_the_method():
    config = dict(type='budgeted', of=dict(type='lora', rank=2), budget=99)
    method = build_method(config, METHODS)
    assert method == Budgeted(of=LoRA(rank=2), budget=99)
    assert config['of'] == dict(type='lora', rank=2)


def test_a_misspelt_setting_of_the_inner_method_is_named():
    config = dict(type='budgeted', of=dict(type='lora', rnk=2), budget=99)
    with pytest.raises(ValueError, match=r"'lora': .* got \['rnk'\]"):
        build_method(config, METHODS)


@pytest.mark.parametrize('budget', [31, 2 * (4 * 32 + 2 * 40) + 1])
def test_a_budget_out_of_range_is_an_error_before_the_pass(budget):
    model, _ = task()
    method = Budgeted(of=LoRA(rank=2, on=('all',)), budget=budget)
    with pytest.raises(ValueError, match='budget: expected 32 to 416 added'):
        tune(model, method, [None], seed=0)


class AddsPrompts(AddsModules):
    def additions(self, model, choice):
        settings = {
            'shape': [2, WIDTH],
            'prefix': 0,
            'bound': 1.0,
            'dropout': 0.0,
        }
        return Plan([Added('prompts', Place('backbone.0'), settings)])


class AddsAndSelects(LoRA):
    def roles(self, model):
        return gps_roles(model, self.encoder)


@pytest.mark.parametrize(
    'of', [GPS(k=1, score='magnitude'), AddsPrompts(), AddsAndSelects()]
)
def test_a_method_that_does_not_only_add_to_linear_maps_is_refused(of):
    model, _ = task()
    with pytest.raises(ValueError, match='only adds to linear maps'):
        tune(model, Budgeted(of=of, budget=9), [None], seed=0)


def test_a_method_that_needs_data_itself_is_refused():
    with pytest.raises(ValueError, match='needs no pass over the training'):
        Budgeted(of=SCT(), budget=9)


@pytest.mark.parametrize('of', ['lora', {'rank': 2}, None])
def test_what_is_no_method_is_refused(of):
    with pytest.raises(TypeError, match='expected a method, as dict\\(type='):
        Budgeted(of=of, budget=9)
