"""Every rival takes the step that its definition says."""

import copy

import pytest
import torch

from gps_seg.benchmark.contender import LEARNING_RATE
from gps_seg.benchmark.methods import METHODS
from gps_seg.benchmark.rivals import LORA_RANK

#: Settings of methods that have no default for all of them.
REQUIRED = {
    'gps': dict(k=1),
    'sift': dict(share=0.05),
    'grft': dict(k=1, unit='row', penalty=0.1, last_blocks=1),
    'adaptformer': dict(rank=4),
    'mona': dict(rank=4),
    'dyt': dict(rank=4, complete=False),
    'spt_lora': dict(budget=2_000),
    'spt_adapter': dict(budget=2_000),
    'budgeted': dict(of=dict(type='lora'), budget=2_000),
    'peft': dict(peft_type='lora'),
}


def build(method, made):
    settings = REQUIRED.get(method, {})
    return METHODS[method].build(
        made.model, made.loss, made.selection, **settings
    )


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


@pytest.mark.optional
def test_lora_of_peft_trains_its_matrices_and_the_head(tiny):
    pytest.importorskip('peft', reason='peft is not installed')
    made = tiny()
    before = {n: p.detach().clone() for n, p in made.model.named_parameters()}
    contender = build('peft-lora', made)
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


@pytest.mark.optional
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


def test_a_method_of_the_package_takes_the_steps_of_its_definition(toy):
    """LoRA by hand: autograd on W + B A with the same start."""
    made, by_hand = toy(), toy()
    contender = METHODS['lora'].build(
        made.model, made.loss, made.selection, rank=1, on=['other']
    )
    thin = {
        name.rpartition('.')[2]: parameter.detach().clone().requires_grad_()
        for name, parameter in contender.trained.items()
        if '.0.added.' in name
    }
    encoder = by_hand.model['backbone'].requires_grad_(False)
    encoder[0].register_forward_hook(
        lambda _module, args, output: (
            output + args[0] @ thin['a'].T @ thin['b'].T
        )
    )
    contender.backward()
    by_hand.loss().backward()
    for name, parameter in contender.trained.items():
        if '.0.added.' in name:
            torch.testing.assert_close(
                parameter.grad, thin[name.rpartition('.')[2]].grad
            )
    head = by_hand.model['head'].weight
    torch.testing.assert_close(
        contender.trained['head.weight'].grad, head.grad
    )


def test_gps_by_its_own_selection_steps_as_with_the_common_one(toy):
    own, common = toy(), toy()
    build('gps', own).step()
    build('ours', common).step()
    for name, parameter in common.model.named_parameters():
        assert torch.equal(own.model.get_parameter(name), parameter), name


def test_the_penalty_of_a_method_is_in_its_loss(toy):
    made = toy()
    settings = REQUIRED['grft'] | {'last_blocks': 0}  # the head is pulled
    contender = METHODS['grft'].build(
        made.model, made.loss, made.selection, **settings
    )
    with torch.no_grad():
        made.model['head'].bias += 1  # after its start was kept
    plain, penalised = made.loss().item(), contender.loss().item()
    assert penalised > plain
