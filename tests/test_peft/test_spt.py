"""SPT against sensitivities and sums written out in plain torch."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gps_seg.additions import Added, Place, Plan, attach, merge
from gps_seg.peft import SPTAdapter, SPTLoRA, Trainable, tune
from gps_seg.sparse import Role, Selection
from gps_seg.sparse.training import columns

WIDTH, HIDDEN = 8, 12


class Encoder(nn.Module):
    """Patch embedding, tokens and two blocks, as in a ViT."""

    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, WIDTH, 4, 4)
        self.cls_token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.randn(1, 5, WIDTH))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, 2, HIDDEN, 0.0, batch_first=True, norm_first=True
            )
            for _ in range(2)
        )

    def forward(self, images):
        x = self.patch_embed(images).flatten(2).mT
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        x = x + self.pos_embed
        for layer in self.layers:
            x = layer(x)
        return x[:, 0]


def task(dtype=torch.float64):
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {'backbone': Encoder(), 'head': nn.Linear(WIDTH, 3)}
    ).to(dtype)
    images = torch.randn(20, 4, 3, 8, 8, dtype=dtype)
    labels = torch.randint(0, 3, (20, 4))
    losses = [
        lambda x=x, y=y: F.cross_entropy(
            model['head'](model['backbone'](x)), y
        )
        for x, y in zip(images, labels, strict=True)
    ]
    return model, losses


def sensitivities(model, losses):
    """Sum over the first 16 batches of the squared gradient."""
    total = {n: torch.zeros_like(p) for n, p in model.named_parameters()}
    for loss in losses[:16]:
        parameters = dict(model.named_parameters())
        found = torch.autograd.grad(loss(), list(parameters.values()))
        for name, gradient in zip(parameters, found, strict=True):
            total[name] += gradient**2
    return total


def parts(values_of):
    """Name, rows, and values of the module of each competing tensor."""
    for i in range(2):
        block = f'backbone.layers.{i}'
        for row in range(3):
            rows = (row * WIDTH, row * WIDTH + WIDTH)
            attention = f'{block}.self_attn.in_proj_weight'
            yield attention, rows, values_of(WIDTH, WIDTH)
        yield f'{block}.self_attn.out_proj.weight', None, values_of(8, 8)
        yield f'{block}.linear1.weight', None, values_of(12, 8)
        yield f'{block}.linear2.weight', None, values_of(8, 12)
        for vector in (
            'self_attn.in_proj_bias',
            'self_attn.out_proj.bias',
            'linear1.bias',
            'linear2.bias',
            'norm1.weight',
            'norm1.bias',
            'norm2.weight',
            'norm2.bias',
        ):
            yield f'{block}.{vector}', None, None


def expected(scores, values_of, budget):
    """Walk down the sorted sensitivities as far as the budget allows."""
    every = list(parts(values_of))
    cut = [
        scores[n].flatten() if rows is None else scores[n][slice(*rows)]
        for n, rows, _ in every
    ]
    last = None
    levels = torch.cat([c.flatten() for c in cut]).float()
    for level in levels.sort(descending=True).values:
        modules, entries, total = [], {}, WIDTH  # the class token
        for (name, rows, values), own in zip(every, cut, strict=True):
            won = own.float() >= level
            number = int(won.sum())
            if values is None:
                if number >= own.numel() / 5:
                    entries[name] = own.numel()
                    total += own.numel()
            elif number >= values / 10:
                modules.append(str(Place(name, rows)))
                total += values
            elif number:
                entries[name] = entries.get(name, 0) + number
                total += number
        if total > budget:
            return last
        last = set(modules), entries, total
    return last


def of_low_rank(outputs, inputs):
    return 2 * (outputs + inputs)


def of_adapter(outputs, inputs):
    return 2 * 2 * outputs + 2 + outputs


@pytest.mark.parametrize(
    ('kind', 'values_of'), [(SPTLoRA, of_low_rank), (SPTAdapter, of_adapter)]
)
@pytest.mark.parametrize('budget', [30, 60, 150, 250, 500])
def test_the_most_sensitive_entries_train_within_the_budget(
    kind, values_of, budget
):
    model, losses = task()
    scores = sensitivities(model, losses)
    modules, entries, total = expected(scores, values_of, budget)
    tuned = tune(model, kind(budget=budget, rank=2), losses, seed=0)
    assert {str(one.place) for one in tuned.added} == modules
    found = {n: len(e.indices) for n, e in tuned.selected.items()}
    assert found == entries
    for name, one in tuned.selected.items():  # the highest, if not all
        if scores[name].ndim == 1:
            continue
        flat = scores[name].flatten()
        outside = torch.ones_like(flat, dtype=torch.bool)
        outside[one.indices] = False
        for place in modules:
            if place.startswith(f'{name}['):
                rows = slice(*Place.of(place).rows)
                outside.view_as(scores[name])[rows] = False
        assert flat[outside].max() <= flat[one.indices].min()
    inside = sum(
        tuned.form[parameter].numel()
        for parameter, name in tuned.names.items()
        if name.startswith('backbone.')
    )
    assert inside == total <= budget


def test_embeddings_are_frozen_and_the_class_token_trains():
    model, losses = task()
    tuned = tune(model, SPTLoRA(budget=60, rank=2), losses, seed=0)
    trained = set(tuned.names.values())
    assert {'backbone.cls_token', 'head.weight', 'head.bias'} <= trained
    assert not any('_embed' in name for name in trained)


def test_a_class_token_that_is_not_used_stays_frozen():
    model, _ = task()
    model['backbone'].with_cls_token = False
    roles = SPTLoRA(budget=60).roles(model)
    assert roles['backbone.cls_token'] is Role.FROZEN


def test_the_rest_of_a_packed_weight_trains_beside_a_module(monkeypatch):
    """An update of q, an adapter behind v, and single entries of k."""
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(8, 2, batch_first=True).double()
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    plan = Plan(
        [
            Added(
                'low_rank',
                Place('in_proj_weight', (0, 8)),
                {'rank': 2, 'scale': 1.0, 'dropout': 0.0},
            ),
            Added(
                'bottleneck',
                Place('in_proj_weight', (16, 24)),
                {'rank': 2, 'activation': 'gelu', 'init': 'zero_up'},
            ),
        ]
    )
    attach(attention, plan, seed=0)
    with torch.no_grad():
        for name, parameter in attention.named_parameters():
            if 'added' in name:
                parameter.normal_()
    indices = torch.tensor([8 * 8 + 3, 9 * 8 + 3, 14 * 8 + 5])
    selection = Selection(
        {'in_proj_weight': indices}, {'in_proj_weight': (24, 8)}
    )
    roles = {n: Role.FROZEN for n, _ in attention.named_parameters()}
    tuned = Trainable(attention, roles, selection)
    met = []  # numbers of entries whose gradient comes from columns
    compressed = columns.selected_linear
    monkeypatch.setattr(
        columns,
        'selected_linear',
        lambda values, *rest: (
            met.append(len(values)) or compressed(values, *rest)
        ),
    )
    with tuned.compressing():
        out = attention(x, x, x)[0]
        out.square().sum().backward()
    values = tuned.selected['in_proj_weight'].values

    weight = attention.in_proj_weight.detach().clone().requires_grad_()
    added = {
        n.rpartition('added.')[2]: p.detach().clone().requires_grad_()
        for n, p in attention.named_parameters()
        if 'added' in n
    }
    low = {n[-1]: p for n, p in added.items() if n.startswith('low')}
    up = {n.split('.', 1)[1]: p for n, p in added.items() if n[0] == 'b'}
    q, k, v = F.linear(x, weight, attention.in_proj_bias).chunk(3, -1)
    q = q + x @ (low['b'] @ low['a']).T
    narrow = F.gelu(F.linear(v, up['down.weight'], up['down.bias']))
    v = v + F.linear(narrow, up['up.weight'], up['up.bias'])
    heads = [t.unflatten(-1, (2, 4)).transpose(1, 2) for t in (q, k, v)]
    mixed = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
    wanted = F.linear(
        mixed, attention.out_proj.weight, attention.out_proj.bias
    )
    torch.testing.assert_close(out, wanted)
    wanted.square().sum().backward()
    torch.testing.assert_close(values.grad, weight.grad.flatten()[indices])
    for name, parameter in attention.named_parameters():
        if 'added' in name:
            own = added[name.rpartition('added.')[2]].grad
            torch.testing.assert_close(parameter.grad, own)
    assert met == [0, 3, 0]  # q, k, v


def test_a_trained_model_with_updates_and_entries_merges():
    model, losses = task()
    tuned = tune(model, SPTLoRA(budget=250, rank=2), losses, seed=0)
    assert tuned.added and tuned.selected
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    tuned.attach(optimizer)
    for loss in losses[:3]:
        with tuned.compressing():
            loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    tuned.release()
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        before = model['backbone'](x)
        plain = copy.deepcopy(model)
        merge(plain)
        torch.testing.assert_close(plain['backbone'](x), before)
    assert not any('added' in name for name in plain.state_dict())


def test_a_kept_state_is_restored_with_its_modules():
    model, losses = task()
    tuned = tune(model, SPTAdapter(budget=300, rank=2), losses, seed=0)
    state, weights = tuned.state_dict(), model.state_dict()
    other, _ = task()
    attach(other, tuned.added, seed=1)
    other.load_state_dict(weights)
    again = Trainable.resumed(other, state)
    assert again.count() == tuned.count()
    assert again.added == tuned.added


@pytest.mark.parametrize('budget', [WIDTH, 2000])
def test_a_budget_that_no_choice_meets_is_an_error_before_the_pass(budget):
    model, _ = task()
    most = WIDTH + 2 * (4 * 32 + 2 * 40 + 24 + 8 + 12 + 8 + 4 * 8)
    with pytest.raises(ValueError, match=f'expected {WIDTH + 1} to {most} '):
        tune(model, SPTLoRA(budget=budget, rank=2), [None], seed=0)


def test_a_vector_trains_whole_if_a_fifth_of_it_is_sensitive():
    attention = nn.MultiheadAttention(24, 2)
    model = nn.ModuleDict({'backbone': attention})
    bias = attention.out_proj.bias
    method = SPTLoRA(budget=24, rank=1)
    with pytest.raises(ValueError, match='budget'):
        tune(model, method, [lambda: bias[:4].sum() * 2], seed=0)
    tuned = tune(model, method, [lambda: bias[:5].sum() * 2], seed=0)
    assert tuned.count() == {'selected': 24, 'whole': 0}


def test_a_budget_below_what_the_data_ask_for_is_an_error_with_the_least():
    attention = nn.MultiheadAttention(4, 2)
    model = nn.ModuleDict({'backbone': attention})
    bias = attention.out_proj.bias
    with pytest.raises(ValueError, match=r'expected 4 or more .* got 3'):
        tune(model, SPTLoRA(budget=3, rank=1), [lambda: bias[0] * 2], seed=0)
    tuned = tune(model, SPTLoRA(budget=4, rank=1), [lambda: bias[0] * 2], 0)
    assert tuned.count() == {'selected': 4, 'whole': 0}


def test_a_pass_without_gradients_is_an_error():
    model, losses = task()
    method = SPTLoRA(budget=60, rank=2)
    zeros = [lambda: losses[0]() * 0]
    with pytest.raises(ValueError, match='expected gradients in the encoder'):
        tune(model, method, zeros, seed=0)


def test_an_encoder_without_linear_maps_is_refused():
    model = nn.ModuleDict({'backbone': nn.Sequential(nn.Conv2d(3, 4, 3))})
    with pytest.raises(ValueError, match='expected linear maps of attention'):
        tune(model, SPTLoRA(budget=60), [None], seed=0)


def test_a_rank_that_a_map_does_not_allow_is_an_error_before_the_pass():
    model, _ = task()
    with pytest.raises(ValueError, match='rank: expected 1 to 8'):
        tune(model, SPTLoRA(budget=60, rank=9), [None], seed=0)


@pytest.mark.parametrize('key', ['budget', 'rank'])
def test_settings_are_whole_numbers_from_one(key):
    with pytest.raises(ValueError, match=f'{key}: expected {key} >= 1'):
        SPTLoRA(**{'budget': 60, key: 0})
    with pytest.raises(TypeError, match=f'{key}: expected an int'):
        SPTAdapter(**{'budget': 60, key: 1.5})
