"""Sums of inputs against the sum over every position, written out."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gps_seg.sparse import Evidence, running_sums


def input_sums(parameters, forwards):
    losses = (forward().sum() for forward in forwards)
    for sums in running_sums(parameters, losses, Evidence.INPUT):
        last = sums
    return last


def test_a_linear_layer_sums_its_tokens():
    layer = nn.Linear(3, 2)
    batches = [torch.randn(4, 5, 3) for _ in range(3)]
    sums = input_sums(
        {'w': layer.weight}, (lambda x=x: layer(x) for x in batches)
    )
    for row in range(2):
        for column in range(3):
            expected = sum(
                x[image, token, column].abs()
                for x in batches
                for image in range(4)
                for token in range(5)
            )
            torch.testing.assert_close(sums['w'][row, column], expected)


@pytest.mark.parametrize(
    'layer',
    [
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.Conv2d(4, 6, (3, 2), dilation=2, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 6, 3, padding=1, padding_mode='reflect'),
    ],
)
def test_a_convolution_sums_what_its_kernel_passes_over(layer):
    x = torch.randn(2, 4, 9, 8)
    sums = input_sums({'w': layer.weight}, [lambda: layer(x)])
    padded = x.abs()
    if layer.padding_mode != 'zeros':
        padded = F.pad(padded, (1, 1, 1, 1), mode=layer.padding_mode)
    patches = F.unfold(
        padded,
        layer.kernel_size,
        dilation=layer.dilation,
        stride=layer.stride,
        padding=layer.padding if layer.padding_mode == 'zeros' else 0,
    )  # shape: (images, channels * kernel, positions)
    met = patches.sum((0, 2)).view(4, *layer.kernel_size)
    inputs, outputs = 4 // layer.groups, layer.out_channels // layer.groups
    for out in range(layer.out_channels):
        start = out // outputs * inputs
        torch.testing.assert_close(sums['w'][out], met[start : start + inputs])


def test_a_transposed_convolution_meets_each_input_at_every_position():
    layer = nn.ConvTranspose2d(4, 6, 2, stride=2)
    x = torch.randn(2, 4, 3, 3)
    sums = input_sums({'w': layer.weight}, [lambda: layer(x)])
    met = x.abs().sum((0, 2, 3))
    expected = met[:, None, None, None].expand(4, 6, 2, 2)
    torch.testing.assert_close(sums['w'], expected)


def test_rows_of_a_packed_projection_meet_their_own_input():
    attention = nn.MultiheadAttention(4, 2)
    query, key, value = (torch.randn(5, 2, 4) for _ in range(3))
    sums = input_sums(
        {
            'in': attention.in_proj_weight,
            'out': attention.out_proj.weight,
        },
        [lambda: attention(query, key, value)[0]],
    )
    for index, x in enumerate((query, key, value)):
        rows = sums['in'][4 * index : 4 * index + 4]
        torch.testing.assert_close(rows, x.abs().sum((0, 1)).expand(4, 4))
    assert (sums['out'] > 0).all()


def test_no_gradient_is_taken_and_the_functions_are_put_back():
    layer = nn.Linear(3, 2)
    plain = F.linear, F.conv2d
    seen = []

    def forward():
        y = layer(torch.ones(1, 3))
        seen.append(y.requires_grad)
        return y

    passes = running_sums(
        {'w': layer.weight},
        (forward().sum() for _ in range(3)),
        Evidence.INPUT,
    )
    next(passes)
    assert (F.linear, F.conv2d) == plain
    list(passes)
    assert seen == [False] * 3
    assert layer.weight.grad is None


def test_the_output_is_that_of_the_plain_layer():
    layer = nn.Conv2d(3, 2, 3)
    x = torch.randn(1, 3, 5, 5)
    outputs = []

    def forward():
        outputs.append(layer(x))
        return outputs[-1]

    input_sums({'w': layer.weight}, [forward])
    assert torch.equal(outputs[0], layer(x))


def test_inputs_of_one_axis():
    layer = nn.Linear(3, 2)
    rows = torch.tensor([[1.0, -2, 3], [0, 4, -5]])
    sums = input_sums(
        {'w': layer.weight}, [lambda: layer(rows[0]), lambda: layer(rows[1])]
    )
    assert sums['w'].tolist() == [[1, 6, 8]] * 2


def test_a_weight_that_meets_no_input_is_named():
    used, past = nn.Linear(3, 2), nn.Linear(2, 2)

    def forward():
        return used(torch.ones(1, 3)) @ past.weight.t()

    weights = {'used': used.weight, 'past': past.weight}
    with pytest.warns(UserWarning, match=r"got none of \['past'\] \(1 in"):
        sums = input_sums(weights, [forward])
    assert sums['past'].abs().sum() == 0


def test_sums_under_autocast_are_those_of_float32():
    conv, x = nn.Conv2d(3, 4, 2), torch.rand(2, 3, 30, 30)
    weights = {'w': conv.weight}

    def mixed():
        with torch.autocast('cpu', torch.bfloat16):
            return conv(x).sum()

    (plain,) = running_sums(
        weights, (conv(x).sum() for _ in range(1)), Evidence.INPUT
    )
    (found,) = running_sums(
        weights, (mixed() for _ in range(1)), Evidence.INPUT
    )
    assert torch.equal(found['w'], plain['w'])
