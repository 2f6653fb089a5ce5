"""Bytes against what one counts by hand."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from gps_seg.benchmark.counters import Bytes, count_step, saved_bytes
from gps_seg.benchmark.methods import METHODS

FLOAT = 4
TOKENS = 5


@pytest.fixture
def mlp():
    return nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2))


def saved_by(model, inputs):
    return saved_bytes(model(inputs).sum(), model.parameters())


def test_layers_that_train_keep_their_inputs(mlp):
    inputs, before_gelu, after_gelu = 3, 4, 4
    expected = TOKENS * (inputs + before_gelu + after_gelu) * FLOAT
    assert saved_by(mlp, torch.randn(TOKENS, 3)) == expected


def test_layers_whose_bias_trains_keep_the_input_of_the_gelu_alone(mlp):
    mlp[0].weight.requires_grad_(False)
    mlp[2].weight.requires_grad_(False)
    assert saved_by(mlp, torch.randn(TOKENS, 3)) == TOKENS * 4 * FLOAT


def test_parameters_count_unless_they_are_resident(mlp):
    inputs = torch.randn(TOKENS, 3)
    without = saved_by(mlp, inputs)
    counted = saved_bytes(mlp(inputs).sum(), [])
    assert counted == without + mlp[2].weight.nbytes


def test_a_view_keeps_its_whole_storage_and_a_storage_counts_once():
    whole = torch.randn(10, 6, requires_grad=True)
    copy = whole.clone()
    part = copy[:2]
    output = (part * part).sum() + (copy[4:].exp() * part[0]).sum()
    other = 6 * 6 * FLOAT  # the result of exp
    assert saved_bytes(output, []) == copy.nbytes + other


class KeepsTwoColumns(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs):
        ctx.save_for_backward(inputs[:, :2].contiguous())
        return inputs.sum()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.expand(TOKENS, 3)


def test_what_a_custom_function_saves_counts():
    inputs = torch.randn(TOKENS, 3, requires_grad=True)
    saved = saved_bytes(KeepsTwoColumns.apply(inputs), [inputs])
    assert saved == TOKENS * 2 * FLOAT


def test_a_checkpoint_keeps_its_input_alone(mlp):
    inputs = torch.randn(TOKENS, 3, requires_grad=True)
    output = checkpoint(mlp, inputs, use_reentrant=True)
    assert saved_bytes(output.sum(), mlp.parameters()) == inputs.nbytes


def test_what_a_hook_keeps_in_place_of_a_tensor_does_not_count(mlp):
    def hidden():
        return mlp[0](torch.ones(TOKENS, 3)).detach()

    mlp.requires_grad_(False)
    mlp[0].bias.requires_grad_(True)
    activated = mlp[1](mlp[0](torch.ones(TOKENS, 3)))
    assert saved_bytes(activated, mlp.parameters()) == TOKENS * 4 * FLOAT
    activated.grad_fn._raw_saved_self.register_hooks(
        lambda _: hidden, lambda recipe: recipe()
    )
    assert saved_bytes(activated, mlp.parameters()) == 0
    activated.sum().backward()  # the hook is as before


def test_what_the_graph_does_not_need_is_not_kept(mlp):
    """A result that is thrown away, such as the mean of attention maps."""
    hidden = mlp[0](torch.randn(TOKENS, 3))
    hidden.exp()
    resident = [*mlp.parameters(), hidden]
    assert saved_bytes(mlp[1](hidden), resident) == TOKENS * 3 * FLOAT


def count(method, made):
    contender = METHODS[method].build(made.model, made.loss, made.selection)
    return count_step(made.model, contender)


# Of the encoder: tensors that train, and values in them. The weights have
# 4 x 3 and 2 x 4 entries, of which one in each of 4 + 2 rows is selected.
ENCODER_TRAINS = {
    'full': (4, 12 + 4 + 8 + 2),
    'linear': (0, 0),
    'bias': (2, 4 + 2),
    'dense-mask': (4, 12 + 4 + 8 + 2),
    'scatter-add': (4, 4 + 4 + 2 + 2),
    'ours': (4, 4 + 4 + 2 + 2),
}


@pytest.mark.parametrize('method', ENCODER_TRAINS)
def test_gradients_state_and_network(toy, method):
    counts = count(method, toy())
    num_tensors, num_values = ENCODER_TRAINS[method]
    values = Bytes(num_values * FLOAT, 6 * FLOAT)
    assert counts.gradients == values
    assert counts.network == values
    # AdamW holds two moments of each value and one step count per tensor.
    state = Bytes((2 * num_values + num_tensors) * FLOAT, (2 * 6 + 2) * FLOAT)
    assert counts.optimizer_state == state


def test_a_gradient_that_the_optimizer_does_not_own_is_seen(toy):
    made = toy()
    contender = METHODS['bias'].build(made.model, made.loss, made.selection)
    made.model['backbone'][0].weight.requires_grad_(True)
    counts = count_step(made.model, contender)
    assert counts.gradients.encoder == (12 + 6) * FLOAT
    assert counts.network.encoder == 6 * FLOAT


def test_scattering_keeps_a_dense_weight_and_ours_does_not(toy):
    """The second layer: the first has no gradient to hand on."""
    scattered, ours = count('scatter-add', toy()), count('ours', toy())
    bias = count('bias', toy())
    assert scattered.saved >= bias.saved + 2 * 4 * FLOAT
    assert scattered.saved > ours.saved >= bias.saved
