"""Sums of squared outputs against the sum over every token, written out."""

import torch
from torch import nn

from gps_seg.sparse import Evidence, running_sums


def output_sums(parameters, forwards):
    losses = (forward().sum() for forward in forwards)
    for sums in running_sums(parameters, losses, Evidence.OUTPUT):
        last = sums
    return last


def test_a_linear_layer_sums_the_squares_of_its_outputs():
    layer = nn.Linear(3, 2)
    batches = [torch.randn(4, 5, 3) for _ in range(3)]
    sums = output_sums(
        {'w': layer.weight}, (lambda x=x: layer(x) for x in batches)
    )
    outputs = torch.cat(batches).flatten(0, 1) @ layer.weight.T + layer.bias
    torch.testing.assert_close(sums['w'], outputs.square().sum(0).detach())


def test_rows_of_a_packed_projection_have_their_own_sums():
    attention = nn.MultiheadAttention(4, 2)
    query, key, value = (torch.randn(5, 2, 4) for _ in range(3))
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    sums = output_sums(
        {'in': weight}, [lambda: attention(query, key, value)[0]]
    )
    for index, x in enumerate((query, key, value)):
        rows = slice(4 * index, 4 * index + 4)
        outputs = x @ weight[rows].T + bias[rows]
        wanted = outputs.square().sum((0, 1)).detach()
        torch.testing.assert_close(sums['in'][rows], wanted)


def test_a_weight_that_needs_no_gradient_is_summed_without_a_backward_pass():
    layer = nn.Linear(3, 2).requires_grad_(False)
    sums = output_sums({'w': layer.weight}, [lambda: layer(torch.ones(1, 3))])
    assert (sums['w'] > 0).all()
    assert not Evidence.OUTPUT.needs_gradient
    assert Evidence.GRADIENT.needs_gradient
