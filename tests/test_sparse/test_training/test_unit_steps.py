"""Unit steps against a model whose coordinates are written out."""

import copy
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils import clip_grad_norm_
from torch.utils.checkpoint import checkpoint

from gps_seg.peft import GPS, tune

RECIPE = GPS(k=2, score='decrement', step='unit')


class Attention(nn.MultiheadAttention):
    def forward(self, x):
        return x + super().forward(x, x, x, need_weights=False)[0]


def small_model():
    backbone = nn.Sequential(
        nn.Conv1d(3, 4, 2, stride=2),
        nn.Flatten(2),
        nn.Linear(4, 6),
        nn.Tanh(),
        nn.Linear(6, 4, bias=False),
        Attention(4, 2, batch_first=True),
        nn.Linear(4, 4),
    )
    model = nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(4, 1)})
    nn.init.normal_(backbone[5].in_proj_bias)
    return model.double()


def batch():
    return (torch.randn(5, 3, 8).double() + 0.5) * 2


def run(model, x):
    return model['head'](model['backbone'](x)).sin().mean()


class Explicit:
    """The model as a function of coordinates, all of them tensors."""

    def __init__(self, model, tuned):
        self.model, self.steps = model, tuned.steps
        self.start = {
            n: p.detach().clone() for n, p in model.named_parameters()
        }
        self.v = {
            name: torch.zeros_like(self.start[name], requires_grad=True)
            for name in self.steps
        }
        self.whole = {
            name: self.start[name].clone().requires_grad_()
            for name in tuned.whole
        }
        self.indices = {n: tuned.selected[n].indices for n in self.steps}

    def dense(self, name, values, elsewhere):
        shape = self.start[name].shape
        flat = torch.full((shape.numel(),), elsewhere).double()
        flat[self.indices[name]] = values
        return flat.view(shape)

    def tensors(self):
        tensors = {**self.start, **self.whole}
        for name, one in self.steps.items():
            u = self.v[name] / self.dense(name, one.scale, 1.0)
            u = u * self.dense(name, torch.ones_like(one.scale), 0.0)
            tensors[name] = self.start[name] + u
            if one.bias is not None:
                taken = (u * self.dense(name, one.mean, 0.0)).flatten(1).sum(1)
                tensors[one.bias] = self.whole[one.bias] - taken
        return tensors

    def loss(self, x):
        parts = self.tensors()

        class Run(nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def forward(self, x):
                return run(self.model, x)

        named = {f'model.{name}': value for name, value in parts.items()}
        return functional_call(Run(self.model), named, (x,))

    def groups(self):
        return [
            {'params': list(self.v.values()), 'weight_decay': 0.2},
            {'params': list(self.whole.values()), 'weight_decay': 0.0},
        ]


def groups_of(tuned):
    selected = [e.values for e in tuned.selected.values()]
    whole = [p for n, p in tuned.named_parameters() if n in tuned.whole]
    return [
        {'params': selected, 'weight_decay': 0.2},
        {'params': whole, 'weight_decay': 0.0},
    ]


def tuned_model(method=RECIPE):
    model = small_model()
    batches = [batch() for _ in range(2)]
    losses = [lambda x=x: run(model, x) for x in batches]
    plain = copy.deepcopy(model)
    return model, plain, tune(model, method, losses, seed=0), batches


@pytest.mark.parametrize('compressed', [True, False])
@pytest.mark.parametrize('parts', [1, 2])
def test_steps_are_those_of_the_coordinates_written_out(compressed, parts):
    model, plain, tuned, _ = tuned_model()
    explicit = Explicit(plain, tuned)
    own = torch.optim.AdamW(groups_of(tuned), lr=0.05)
    other = torch.optim.AdamW(explicit.groups(), lr=0.05)
    tuned.attach(own)
    for _ in range(6):
        for _ in range(parts):  # gradients are accumulated
            x = batch()
            if compressed:
                with tuned.compressing():
                    run(model, x).backward()
            else:
                run(model, x).backward()
            explicit.loss(x).backward()
        trained = [p for group in other.param_groups for p in group['params']]
        norms = [
            clip_grad_norm_(parameters, 0.01)
            for parameters in (list(tuned.parameters()), trained)
        ]
        torch.testing.assert_close(*norms)
        assert norms[0] > 0.01
        for optimizer in (own, other):
            optimizer.step()
            optimizer.zero_grad()
    expected = explicit.tensors()
    moved = 0
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.data, expected[name].detach())
        moved += not torch.equal(parameter.data, explicit.start[name])
    assert moved == len(tuned.steps) + len(tuned.whole)
    # A plain model with these weights and biases is the same function.
    tuned.release()
    plain.load_state_dict(model.state_dict())
    x = batch()
    torch.testing.assert_close(run(plain, x), explicit.loss(x))


def test_mean_and_scale_are_those_of_the_inputs_of_the_pass():
    _, plain, tuned, batches = tuned_model()
    seen = {}
    plain['backbone'][2].register_forward_hook(
        lambda _, args, __: seen.setdefault('x', []).append(args[0])
    )
    for x in batches:
        run(plain, x)
    x = torch.cat(seen['x']).flatten(0, 1).detach()
    square = x.square().mean(0)
    floor = 0.05 * square.sqrt().median()
    scale = (square - x.mean(0) ** 2 + floor**2).sqrt()
    steps = tuned.steps['backbone.2.weight']
    columns = tuned.selected['backbone.2.weight'].indices % 4
    near = {'rtol': 1e-4, 'atol': 1e-6}  # sums are float32
    torch.testing.assert_close(steps.mean, x.mean(0)[columns], **near)
    torch.testing.assert_close(steps.scale, scale[columns], **near)
    assert steps.bias == 'backbone.2.bias'
    assert tuned.steps['backbone.5.in_proj_weight'].bias.endswith('proj_bias')


def test_a_neuron_without_a_bias_has_no_mean():
    _, _, tuned, _ = tuned_model()
    steps = tuned.steps['backbone.4.weight']
    assert steps.bias is None
    assert not steps.mean.any()


@pytest.mark.parametrize('how', ['frozen', 'by rule'])
def test_a_bias_that_does_not_train_takes_over_nothing(how):
    model = small_model()
    rules = []
    if how == 'frozen':
        model['backbone'][2].bias.requires_grad_(False)
    else:
        rules = [{'module': 'Linear', 'attribute': 'bias', 'role': 'frozen'}]
    method = GPS(k=1, score='gradient', step='unit', rules=rules)
    x, before = batch(), model['backbone'][2].bias.detach().clone()
    tuned = tune(model, method, [lambda: run(model, x)], seed=0)
    assert tuned.steps['backbone.2.weight'].bias is None
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    run(model, x).backward()
    optimizer.step()
    assert torch.equal(model['backbone'][2].bias, before)


def test_a_step_moves_an_output_as_a_step_of_the_bias_and_not_on_average():
    layer = nn.Linear(6, 1).double()
    model = nn.ModuleDict({'backbone': layer})
    x = (torch.randn(1000, 6).double() + 2) * torch.linspace(0.5, 4, 6)
    tuned = tune(
        model,
        GPS(k=1, score='decrement', step='unit'),
        [lambda: layer(x).sin().sum()],
        seed=0,
    )
    before = layer(x).detach()
    values = tuned.selected['backbone.weight'].values
    with torch.no_grad():
        values += 0.01
    tuned.write()
    change = layer(x).detach() - before
    torch.testing.assert_close(
        change.square().mean().sqrt(),
        torch.tensor(0.01).double(),
        rtol=0.02,
        atol=0,
    )
    assert change.mean().abs() < 1e-5


def test_decay_of_the_bias_acts_on_the_bias():
    model, _, tuned, _ = tuned_model()
    name, bias = 'backbone.2.weight', model['backbone'][2].bias
    steps, weight = tuned.steps[name], model['backbone'][2].weight
    before = weight.detach().clone(), bias.detach().clone()
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1, weight_decay=0.5)
    tuned.attach(optimizer)
    run(model, batch()).backward()
    gradient = bias.grad.clone()
    optimizer.step()
    change = (weight - before[0]).flatten()[tuned.selected[name].indices]
    taken = (change * steps.mean).view(6, 2).sum(1)
    expected = before[1] - 0.1 * (gradient + 0.5 * before[1]) - taken
    torch.testing.assert_close(bias.detach(), expected.detach())


@pytest.mark.parametrize(
    'score', ['random', 'gradient', 'magnitude', 'taylor']
)
def test_other_scores_select_as_with_plain_steps(score):
    model, x = small_model(), batch()
    unit, plain = (
        tune(
            copy.deepcopy(model),
            GPS(k=1, score=score, step=step),
            [],
            seed=0,
        )
        if step == 'plain' and score in ('random', 'magnitude')
        else tune(
            model := copy.deepcopy(model),
            GPS(k=1, score=score, step=step),
            [lambda m=model: run(m, x)],
            seed=0,
        )
        for step in ('unit', 'plain')
    )
    assert unit.steps
    assert not plain.steps
    for name, entries in plain.selected.items():
        assert torch.equal(unit.selected[name].indices, entries.indices)


@pytest.mark.parametrize(('score', 'number'), [('random', 5), ('newton', 2)])
def test_scales_use_all_data_where_no_data_select(score, number):
    read = []

    def loss():
        read.append(0)
        return run(model, x)

    model, x = small_model(), batch()
    method = GPS(k=1, score=score, step='unit', settled=0.1)
    tune(model, method, [loss] * 5, seed=0)
    assert len(read) == number


@pytest.mark.parametrize('skipped', [None, 2])
def test_a_scaled_loss_takes_the_same_steps(skipped):
    def trained(enabled):
        torch.manual_seed(0)
        model = small_model().float()
        xs = [batch().float() for _ in range(4)]
        tuned = tune(model, RECIPE, [lambda: run(model, xs[0])], seed=0)
        optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
        tuned.attach(optimizer)
        scaler = torch.amp.GradScaler('cpu', 2.0**8, enabled=enabled)
        for number, x in enumerate(xs):
            factor = torch.inf if number == skipped else 1.0
            if number == skipped and not enabled:
                continue
            with tuned.compressing():
                scaler.scale(run(model, x) * factor).backward()
            scaler.unscale_(optimizer)
            clip_grad_norm_(tuned.parameters(), 0.05)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        return model.state_dict()

    expected = trained(enabled=False)
    for name, tensor in trained(enabled=True).items():
        torch.testing.assert_close(tensor, expected[name])


def test_values_follow_a_weight_that_is_loaded():
    model, _, tuned, _ = tuned_model()
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.05)
    tuned.attach(optimizer)
    states = []
    for _ in range(3):
        run(model, batch()).backward()
        optimizer.step()
        states.append(copy.deepcopy(model.state_dict()))
    values = {n: e.values.detach().clone() for n, e in tuned.selected.items()}
    model.load_state_dict(states[0])
    tuned.write()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, states[0][name]), name
    model.load_state_dict(states[-1])
    tuned.write()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, states[-1][name]), name
        if name in values:
            found = tuned.selected[name].values
            torch.testing.assert_close(found.data, values[name])


def test_writing_twice_changes_nothing():
    model, _, tuned, _ = tuned_model()
    model.bfloat16()
    values = tuned.selected['backbone.2.weight'].values
    with torch.no_grad():
        values += 0.37
    tuned.selected['backbone.2.weight'].write()
    once = copy.deepcopy(model.state_dict())
    tuned.write()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, once[name]), name


def test_a_released_model_gathers_nothing():
    model, _, tuned, _ = tuned_model()
    tuned.release()
    run(model, batch()).backward()
    for name, entries in tuned.selected.items():
        assert entries.values.grad is None, name
    assert all(not p._backward_hooks for p in model.parameters())


def test_a_tuned_model_can_be_copied():
    model, _, tuned, _ = tuned_model()
    twin = copy.deepcopy(model)
    run(twin, batch()).backward()
    assert all(e.values.grad is None for e in tuned.selected.values())


def test_a_state_goes_on_bit_for_bit():
    torch.manual_seed(0)
    model, _, tuned, _ = tuned_model()
    model, tuned = model.float(), None
    xs = [batch().float() for _ in range(6)]
    tuned = tune(model, RECIPE, [lambda: run(model, xs[0])], seed=0)

    def train(model, tuned, optimizer, xs):
        tuned.attach(optimizer)
        for x in xs:
            run(model, x).backward()
            optimizer.step()
            optimizer.zero_grad()

    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    train(model, tuned, optimizer, xs[:3])
    kept = copy.deepcopy(
        (model.state_dict(), tuned.state_dict(), optimizer.state_dict())
    )
    train(model, tuned, optimizer, xs[3:])
    other = small_model().float()
    other.load_state_dict(kept[0])
    resumed = type(tuned).resumed(other, kept[1])
    again = torch.optim.AdamW(resumed.parameters(), lr=0.01)
    again.load_state_dict(kept[2])
    train(other, resumed, again, xs[3:])
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_a_state_without_the_steps_is_refused():
    _, _, tuned, _ = tuned_model()
    state = tuned.state_dict() | {'steps': {}}
    with pytest.raises(ValueError, match='expected unit steps of'):
        tuned.load_state_dict(state)


def test_a_state_in_which_other_biases_take_over_is_refused():
    model, x = small_model(), batch()
    rules = [{'module': 'Linear', 'attribute': 'bias', 'role': 'frozen'}]
    trained, frozen = (
        tune(
            twin := copy.deepcopy(model),
            GPS(k=1, step='unit', rules=own),
            [lambda twin=twin: run(twin, x)],
            seed=0,
        )
        for own in ([], rules)
    )
    with pytest.raises(ValueError, match='backbone.2.bias'):
        frozen.load_state_dict(trained.state_dict())


@pytest.mark.parametrize('recomputed', [None, True, False])
@pytest.mark.parametrize('compressed', [True, False])
def test_all_uses_of_a_weight_in_a_pass_count(compressed, recomputed):
    layer = nn.Linear(4, 4).double()
    model = nn.ModuleDict({'backbone': layer})
    x = batch()[..., :4].requires_grad_()

    def loss(layer=layer, how=None):
        def twice(x):
            return layer(layer(x).tanh())

        y = (
            twice(x)
            if how is None
            else checkpoint(twice, x, use_reentrant=how)
        )
        return y.sin().mean()

    plain = copy.deepcopy(layer)
    tuned = tune(model, RECIPE, [loss], seed=0)
    loss(plain).backward()
    with tuned.compressing() if compressed else nullcontext():
        loss(how=recomputed).backward()
    entries, steps = tuned.selected['backbone.weight'], tuned.steps
    _, mean, scale, _ = steps['backbone.weight']
    of_rows = plain.bias.grad[entries.indices // 4]
    of_entries = plain.weight.grad.flatten()[entries.indices]
    expected = (of_entries - mean * of_rows) / scale
    torch.testing.assert_close(entries.values.grad, expected)
    torch.testing.assert_close(layer.bias.grad, plain.bias.grad)


@pytest.mark.parametrize('score', ['fisher', 'activation'])
def test_scores_that_need_another_pass_are_refused(score):
    with pytest.raises(ValueError, match="for step='unit', got"):
        GPS(k=1, score=score, step='unit')


def test_an_unknown_step_is_refused():
    with pytest.raises(ValueError, match=r"step: expected one of \('plain'"):
        GPS(k=1, step='large')
