"""Every rival takes the step that its definition says."""

import copy

import pytest
import torch

from gps_seg.benchmark.contender import LEARNING_RATE
from gps_seg.benchmark.methods import METHODS, Row, rows_of
from gps_seg.benchmark.rivals import LORA_RANK


def build(method, made):
    return METHODS[method].build(made.model, made.loss, made.selection)


def selected_mask(made, name):
    mask = torch.zeros(made.selection.shapes[name], dtype=torch.bool)
    mask.view(-1)[made.selection[name]] = True
    return mask


def weights_after(method, made, num_steps=1):
    """Dense weights that the model uses after some steps."""
    contender = build(method, made)
    for _ in range(num_steps):
        contender.step()
    return {
        name: made.model.get_submodule(name.rpartition('.')[0]).weight.detach()
        for name in made.selection
    }


def test_dense_mask_is_the_full_gradient_masked(toy):
    made, other = toy(), toy()
    build('dense-mask', made).backward()
    build('full', other).backward()
    full = dict(other.model.named_parameters())
    for name, parameter in made.model.named_parameters():
        expected = full[name].grad
        if name in made.selection:
            expected = expected * selected_mask(made, name)
            assert expected.any()
        assert torch.equal(parameter.grad, expected)


@pytest.mark.parametrize('method', ['dense-mask', 'scatter-add', 'ours'])
def test_a_first_step_moves_selected_entries_by_the_rate(toy, method):
    """AdamW's first step is the rate times the sign of the gradient."""
    made = toy()
    before = copy.deepcopy(made.model)
    made_weights = weights_after(method, made)
    for name, weight in made_weights.items():
        moved = weight - before.get_parameter(name)
        selected = selected_mask(made, name)
        assert not moved[~selected].any()
        torch.testing.assert_close(
            moved[selected].abs(),
            torch.full((int(selected.sum()),), LEARNING_RATE),
            rtol=1e-2,
            atol=0,
        )


@pytest.mark.parametrize('method', ['scatter-add', 'ours'])
@pytest.mark.parametrize('model', ['toy', 'tiny'])
def test_three_steps_equal_those_of_dense_masks(request, model, method):
    make = request.getfixturevalue(model)
    expected = weights_after('dense-mask', make(k=2), num_steps=3)
    weights = weights_after(method, make(k=2), num_steps=3)
    assert weights.keys() == expected.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(
            weight, expected[name], rtol=0, atol=LEARNING_RATE / 10
        )


def test_lora_trains_its_matrices_and_the_head(tiny):
    pytest.importorskip('peft', reason='LoRA is measured through peft')
    made = tiny()
    before = {n: p.detach().clone() for n, p in made.model.named_parameters()}
    contender = build('lora', made)
    encoder = [
        parameter
        for name, parameter in contender.trained.items()
        if name.startswith('backbone.')
    ]
    fans = ((32, 96), (32, 32), (32, 64), (64, 32))  # of each of 4 blocks
    expected = 4 * LORA_RANK * sum(map(sum, fans))
    assert sum(p.numel() for p in encoder) == expected
    contender.step()
    for name, old in before.items():
        # The wrapped layers keep their weight under one more name.
        new = find(made.model, name)
        is_head = not name.startswith('backbone.')
        assert torch.equal(new, old) != is_head, name


def find(model, name):
    parameters = dict(model.named_parameters())
    module, _, attribute = name.rpartition('.')
    return parameters.get(
        name, parameters.get(f'{module}.base_layer.{attribute}')
    )


@pytest.mark.parametrize(
    ('method', 'names'),
    [
        ('full', {'backbone.0', 'backbone.2', 'head'}),
        ('linear', {'head'}),
        ('bias', {'head'}),
    ],
)
def test_whole_weights_that_move(toy, method, names):
    made = toy()
    before = copy.deepcopy(made.model)
    build(method, made).step()
    moved = {
        name.removesuffix('.weight')
        for name, parameter in made.model.named_parameters()
        if name.endswith('.weight')
        and not torch.equal(parameter, before.get_parameter(name))
    }
    assert moved == names
    bias_moved = not torch.equal(
        made.model['backbone'][0].bias, before['backbone'][0].bias
    )
    assert bias_moved == (method != 'linear')


@pytest.mark.parametrize('method', METHODS)
def test_every_row_steps_on_a_real_architecture(tiny, method):
    if not METHODS[method].is_available:
        pytest.skip(f'{METHODS[method].requires} is not installed')
    made = tiny()
    contender = build(method, made)
    first = made.loss().item()
    for _ in range(3):
        contender.step()
    assert all(p.grad is None for p in made.model.parameters())
    assert made.loss().item() < first


def test_rows_of_ours_are_one_per_k():
    assert rows_of(['bias', 'scatter-add', 'ours'], [2, 5]) == [
        Row('bias', None, 'bias'),
        Row('scatter-add', 2, 'scatter-add'),
        Row('ours', 2, 'ours k=2'),
        Row('ours', 5, 'ours k=5'),
    ]


@pytest.mark.parametrize('methods', [['full', 'lorra'], [], ['full', 'full']])
def test_unknown_or_repeated_methods(methods):
    with pytest.raises(ValueError, match='methods: expected different ones'):
        rows_of(methods, [1])


@pytest.mark.parametrize('ks', [[0], [], [1, 1]])
def test_bad_k(ks):
    with pytest.raises(ValueError, match='k: expected different numbers'):
        rows_of(['ours'], ks)
