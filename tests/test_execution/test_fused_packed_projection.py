"""``nn.MultiheadAttention`` without its weights, against its equations."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gps_seg.execution import fuse_attention

TOKENS, OTHERS, BATCH, WIDTH, HEADS = 5, 7, 2, 8, 2


def by_hand(layer, query, key, value):
    """softmax(Q K^T / sqrt(d)) V of each head; tokens on the first axis."""
    weights = layer.in_proj_weight.chunk(3)
    biases = (torch.zeros(3 * WIDTH) if layer.in_proj_bias is None
              else layer.in_proj_bias).chunk(3)  # fmt: skip
    q, k, v = (
        (x @ w.T + b).reshape(len(x), BATCH, HEADS, -1).permute(1, 2, 0, 3)
        for x, w, b in zip((query, key, value), weights, biases, strict=True)
    )
    scores = q @ k.transpose(-1, -2) / (WIDTH / HEADS) ** 0.5
    mixed = scores.softmax(-1) @ v
    outputs = mixed.permute(2, 0, 1, 3).reshape(len(query), BATCH, WIDTH)
    return outputs @ layer.out_proj.weight.T + (
        0 if layer.out_proj.bias is None else layer.out_proj.bias
    )


def tokens(number=TOKENS):
    return torch.randn(number, BATCH, WIDTH).double().requires_grad_()


def layer(**settings):
    made = nn.MultiheadAttention(WIDTH, HEADS, **settings).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


INPUTS = {
    'one object': lambda: [tokens()] * 3,
    'one object for key and value': lambda: [tokens(), *[tokens(OTHERS)] * 2],
    'three objects': lambda: [tokens(), tokens(OTHERS), tokens(OTHERS)],
}


@pytest.mark.parametrize('inputs', INPUTS)
@pytest.mark.parametrize('batch_first', [False, True])
@pytest.mark.parametrize('bias', [False, True])
def test_outputs_and_gradients_are_those_of_the_equations(
    inputs, batch_first, bias
):
    attention = layer(batch_first=batch_first, bias=bias)
    fuse_attention(attention)
    given = INPUTS[inputs]()
    turned = {x: x.transpose(0, 1) if batch_first else x for x in given}
    output, weights = attention(*map(turned.get, given), need_weights=False)
    expected = by_hand(attention, *given)
    assert weights is None
    output = output.transpose(0, 1) if batch_first else output
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)
    wanted = [*set(given), *attention.parameters()]
    direction = torch.randn_like(output)
    for one, other in zip(
        torch.autograd.grad(output, wanted, direction),
        torch.autograd.grad(expected, wanted, direction),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


def test_no_matrix_of_weights_is_kept_for_the_backward_pass():
    attention, x = layer(), tokens()
    kept = []

    def shapes(tensor):
        kept.append(tuple(tensor.shape[-2:]))
        return tensor

    for fused in (False, True):
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(shapes, lambda t: t):
            attention(x, x, x, need_weights=not fused)
        assert ((TOKENS, TOKENS) in kept) is not fused
        fuse_attention(attention)


MASK = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
UNFUSED = {
    'weights': ({}, {'need_weights': True}),
    'nothing said about the weights': ({}, {}),
    'weights of each head': (
        {},
        {'need_weights': True, 'average_attn_weights': False},
    ),
    'a mask': ({}, {'attn_mask': MASK, 'need_weights': False}),
    'a causal mask': (
        {},
        {'attn_mask': MASK, 'is_causal': True, 'need_weights': False},
    ),
    'padding': (
        {},
        {'key_padding_mask': MASK[:BATCH], 'need_weights': False},
    ),
    'added keys': ({'add_bias_kv': True}, {'need_weights': False}),
    'an added zero': ({'add_zero_attn': True}, {'need_weights': False}),
}


@pytest.mark.parametrize('case', UNFUSED)
def test_the_class_computes_what_the_fused_forward_cannot(case):
    settings, options = UNFUSED[case]
    attention, x = layer(**settings), tokens()
    expected, weights = attention(x, x, x, **options)
    fuse_attention(attention)
    actual, actual_weights = attention(x, x, x, **options)
    assert torch.equal(actual, expected)
    if options.get('need_weights', True):
        assert torch.equal(actual_weights, weights)
    else:
        assert actual_weights is None


def test_keys_of_another_width_are_left_to_the_class():
    attention = layer(kdim=4, vdim=6)
    query, key, value = (torch.randn(3, 2, n).double() for n in (WIDTH, 4, 6))
    expected, _ = attention(query, key, value, need_weights=False)
    fuse_attention(attention)
    actual, _ = attention(query, key, value, need_weights=False)
    assert torch.equal(actual, expected)


def test_tokens_without_a_batch_are_left_to_the_class():
    attention, x = layer(), torch.randn(TOKENS, WIDTH).double()
    expected, _ = attention(x, x, x, need_weights=False)
    fuse_attention(attention)
    assert torch.equal(attention(x, x, x, need_weights=False)[0], expected)


@pytest.mark.filterwarnings('ignore:The PyTorch API of nested tensors')
def test_nested_tensors_are_left_to_the_class():
    attention = layer(batch_first=True).eval().requires_grad_(False)
    parts = [torch.randn(n, WIDTH).double() for n in (2, 3)]
    x = torch.nested.nested_tensor(parts)
    expected, _ = attention(x, x, x, need_weights=False)
    fuse_attention(attention)
    actual, _ = attention(x, x, x, need_weights=False)
    for one, other in zip(actual.unbind(), expected.unbind(), strict=True):
        assert torch.equal(one, other)


def test_dropout_of_the_weights_acts_in_training_alone():
    attention, x = layer(dropout=0.5), tokens()
    plain = by_hand(attention, x, x, x)
    fuse_attention(attention)
    ones = torch.ones(200, BATCH, WIDTH).double()
    assert (attention(x, x, x, need_weights=False)[0] - plain).abs().max() > 1
    attention.eval()
    output, _ = attention(x, x, x, need_weights=False)
    torch.testing.assert_close(output, plain, rtol=0, atol=1e-12)
    # Each output is a mean of equal values with factors of mean 1.
    attention.train()
    mean = attention(ones, ones, ones, need_weights=False)[0].mean(0)
    plain = by_hand(attention, ones, ones, ones)[0]
    assert (mean - plain).abs().max() < 0.1 * plain.abs().max()


def test_each_linear_map_can_be_intercepted(monkeypatch):
    attention, x = layer(), tokens()
    y, z = tokens(), tokens()
    fuse_attention(attention)
    seen = []
    plain = F.linear

    def linear(inputs, weight, bias=None):
        seen.append((weight, tuple(inputs.shape)))
        return plain(inputs, weight, bias)

    monkeypatch.setattr(F, 'linear', linear)
    attention(x, y, z, need_weights=False)
    *rows, (out, _) = seen
    assert [weight._base for weight, _ in rows] == [
        attention.in_proj_weight
    ] * 3
    assert [w.storage_offset() // WIDTH for w, _ in rows] == [0, 8, 16]
    assert {shape for _, shape in rows} == {(TOKENS, BATCH, WIDTH)}
    assert out is attention.out_proj.weight
    seen.clear()
    attention(x, x, x, need_weights=False)
    assert seen[0][0] is attention.in_proj_weight
