"""Bytes against what one counts by hand."""

from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from gps_seg.benchmark.contender import Contender
from gps_seg.benchmark.counters import (
    Bytes,
    count_step,
    saved_by_graph,
    saved_bytes,
)
from gps_seg.benchmark.methods import METHODS

FLOAT = 4
TOKENS = 5


@pytest.fixture
def mlp():
    return nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2))


def saved_by(model, inputs):
    return saved_bytes(lambda: model(inputs).sum())


def test_layers_that_train_keep_their_inputs(mlp):
    inputs, before_gelu, after_gelu = 3, 4, 4
    expected = TOKENS * (inputs + before_gelu + after_gelu) * FLOAT
    images = torch.randn(TOKENS, 3)
    assert saved_bytes(lambda: mlp(images * 2).sum()) == expected


def test_the_images_are_there_anyway(mlp):
    assert saved_by(mlp, torch.randn(TOKENS, 3)) == TOKENS * (4 + 4) * FLOAT


def test_layers_whose_bias_trains_keep_the_input_of_the_gelu_alone(mlp):
    mlp[0].weight.requires_grad_(False)
    mlp[2].weight.requires_grad_(False)
    assert saved_by(mlp, torch.randn(TOKENS, 3)) == TOKENS * 4 * FLOAT


def test_what_the_forward_pass_makes_counts(mlp):
    images, made = torch.randn(TOKENS, 3), []

    def loss():
        made.append(images * 2)
        return mlp(made[-1]).sum()

    without = saved_by(mlp, images)
    assert saved_bytes(loss) == without + made[0].nbytes
    assert saved_bytes(lambda: mlp(made[0]).sum()) == without


def test_a_view_keeps_its_whole_storage_and_a_storage_counts_once():
    whole = torch.randn(10, 6, requires_grad=True)

    def loss():
        copy = whole * 1
        part = copy[:2]
        return (part * part).sum() + (copy[4:].exp() * part[0]).sum()

    other = 6 * 6 * FLOAT  # the result of exp
    assert saved_bytes(loss) == whole.nbytes + other


def test_what_a_checkpoint_frees_does_not_count(mlp):
    inputs = torch.randn(TOKENS, 3, requires_grad=True)

    def loss():
        return checkpoint(mlp, inputs * 2, use_reentrant=False).sum()

    assert saved_bytes(loss) == inputs.nbytes


def test_what_only_a_circle_of_objects_holds_does_not_count():
    inputs = torch.randn(TOKENS, 3, requires_grad=True)

    def loss():
        circle = [inputs * 2]
        circle.append(circle)
        return inputs.sum()

    assert saved_bytes(loss) == 0


def test_the_forward_pass_runs_in_the_context_of_the_contender(mlp):
    inputs, active = torch.randn(TOKENS, 3), []

    @contextmanager
    def passes():
        active.append(True)
        yield
        active.pop()

    def loss():
        assert active
        return mlp(inputs).sum()

    contender = Contender(loss, dict(mlp.named_parameters()), passes=passes)
    assert count_step(mlp, contender).saved == saved_by(mlp, inputs)


def test_what_hooks_pack_counts_and_what_they_replace_does_not(mlp):
    inputs = torch.randn(TOKENS, 3)
    halves = saved_tensors_hooks(lambda t: t.half(), lambda t: t.float())

    def loss():
        with halves:
            return mlp(inputs).sum()

    weight, half = mlp[2].weight.numel(), 2
    expected = (TOKENS * (3 + 4 + 4) + weight) * half
    assert saved_bytes(loss) == expected


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
    saved = saved_bytes(lambda: KeepsTwoColumns.apply(inputs))
    assert saved == TOKENS * 2 * FLOAT


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


def test_of_a_compiled_pass_the_graph_is_counted(mlp):
    """Biases that train keep the input of the GELU alone, compiled or not."""
    mlp[0].weight.requires_grad_(False)
    mlp[2].weight.requires_grad_(False)
    inputs = torch.randn(TOKENS, 3)
    resident = [*mlp.parameters(), inputs]
    run = torch.compile(mlp, backend='aot_eager')
    for model in (mlp, run):
        saved = saved_by_graph(model(inputs).sum(), resident)
        assert saved == TOKENS * 4 * FLOAT


def test_a_graph_is_counted_as_its_storages(tiny):
    made = tiny()
    contender = METHODS['ours'].build(made.model, made.loss, made.selection)
    made.loss()  # makes what is kept for later passes
    with contender.passes():
        storages = saved_bytes(made.loss)
        graph = saved_by_graph(made.loss(), [*made.model.parameters()])
    assert graph == pytest.approx(storages, rel=0.1)
