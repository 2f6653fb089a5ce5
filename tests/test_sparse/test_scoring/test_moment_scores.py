"""Scores in units of the inputs against loops over every token."""

import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from gps_seg.sparse import Evidence, Scores, running_sums

KIND = Evidence.GRADIENT_AND_INPUTS


def sums_of(weights, losses):
    for sums in running_sums(weights, (loss() for loss in losses), KIND):
        last = sums
    return last


def scored(score, weight, losses):
    weights = {'w': weight}
    return Scores(score, weights, sums_of(weights, losses), 0)['w']


def by_tokens(x, d, *, center):
    """|sum d (x - mean)| / scale of each entry, token by token.

    ``x`` has the shape (tokens, in), ``d`` the shape (tokens, out).
    """
    columns = x.double().T.tolist()
    means = [math.fsum(c) / len(c) for c in columns]
    rms = [math.sqrt(math.fsum(v * v for v in c) / len(c)) for c in columns]
    floor = 0.05 * sorted(rms)[(len(rms) - 1) // 2]
    score = torch.zeros(d.shape[1], x.shape[1])
    for r, row in enumerate(d.double().T.tolist()):
        for c, column in enumerate(columns):
            mean = means[c] if center else 0.0
            square = math.fsum((v - mean) ** 2 for v in column) / len(column)
            g = math.fsum(
                a * (v - mean) for a, v in zip(row, column, strict=True)
            )
            score[r, c] = abs(g) / math.sqrt(square + floor**2)
    return score


def tokens(*shape):
    """Inputs with a mean, of different scales."""
    scale = torch.linspace(0.1, 3, shape[-1])
    return (torch.randn(*shape) + 0.7) * scale


class Recorded(nn.Module):
    """A linear map that keeps its inputs and outputs."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.inputs, self.outputs = layer, [], []

    def forward(self, x):
        y = self.layer(x)
        if y.requires_grad:
            y.retain_grad()
        self.inputs.append(x.detach())
        self.outputs.append(y)
        return y

    def tokens(self):
        x = torch.cat([x.flatten(0, -2) for x in self.inputs])
        d = torch.cat([y.grad.flatten(0, -2) for y in self.outputs])
        return x, d


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('score', ['newton', 'decrement'])
def test_a_linear_map_is_scored_over_all_tokens_of_all_batches(score, bias):
    layer = Recorded(nn.Linear(5, 3, bias=bias))
    batches = [tokens(2, 4, 5) for _ in range(3)]
    weight = layer.layer.weight
    got = scored(
        score, weight, [lambda x=x: layer(x).sin().sum() for x in batches]
    )
    center = bias and score == 'decrement'
    torch.testing.assert_close(got, by_tokens(*layer.tokens(), center=center))


def test_a_weight_that_is_used_twice_in_a_pass_sums_both_uses():
    layer = Recorded(nn.Linear(4, 4))
    x = tokens(6, 4)
    got = scored(
        'decrement',
        layer.layer.weight,
        [lambda: layer(layer(x).tanh()).sin().sum()],
    )
    torch.testing.assert_close(got, by_tokens(*layer.tokens(), center=True))


def test_a_weight_that_is_used_once_without_its_bias_is_not_centered():
    layer = nn.Linear(4, 3)
    x = tokens(6, 4)

    def loss():
        return (layer(x) + F.linear(x, layer.weight)).sin().sum()

    y = (layer(x) + F.linear(x, layer.weight)).detach().requires_grad_()
    (d,) = torch.autograd.grad(y.sin().sum(), y)
    expected = by_tokens(x.repeat(2, 1), d.repeat(2, 1), center=False)
    torch.testing.assert_close(
        scored('decrement', layer.weight, [loss]), expected
    )


@pytest.mark.parametrize(
    ('layer', 'shape'),
    [
        (nn.Linear(4, 4), (6, 4)),
        (nn.Linear(4, 4), (2, 3, 4)),
        (nn.Linear(4, 4, bias=False), (2, 3, 4)),
        (nn.Conv2d(4, 4, 1), (2, 4, 3, 3)),
        (nn.Conv2d(4, 4, 1), (4, 3, 3)),
    ],
)
def test_an_output_that_is_changed_in_place_is_counted(layer, shape):
    x = tokens(*shape)
    got, expected = (
        scored(
            'decrement',
            layer.weight,
            [lambda i=i: (F.relu(layer(x), inplace=i) + x).sin().sum()],
        )
        for i in (True, False)
    )
    torch.testing.assert_close(got, expected)


def test_a_bias_that_was_put_together_is_not_one_that_trains():
    weight = nn.Parameter(torch.randn(4, 3))
    part = nn.Parameter(torch.randn(2))
    x = tokens(6, 3)

    def loss():
        bias = torch.cat([part, torch.zeros(2)])
        return F.linear(x, weight, bias).sin().sum()

    got = scored('decrement', weight, [loss])
    torch.testing.assert_close(got, scored('newton', weight, [loss]))


def packed_projection(attention, x):
    """Inputs, and gradients of q, k and v, of self-attention."""
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    packed = F.linear(x, weight, bias).detach().requires_grad_()
    heads = attention.num_heads
    q, k, v = (
        t.unflatten(-1, (heads, -1)).transpose(1, 2)
        for t in packed.chunk(3, -1)
    )
    mixed = F.scaled_dot_product_attention(q, k, v)
    out = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    (d,) = torch.autograd.grad(out.sin().sum(), packed)
    return x.flatten(0, 1), d.flatten(0, 1)


def in_parts(attention, x):
    """The same attention, whose rows are used one after another."""
    weights = attention.in_proj_weight.chunk(3)
    biases = attention.in_proj_bias.chunk(3)
    q, k, v = (
        F.linear(x, w, b)
        .unflatten(-1, (attention.num_heads, -1))
        .transpose(1, 2)
        for w, b in zip(weights, biases, strict=True)
    )
    mixed = F.scaled_dot_product_attention(q, k, v)
    return attention.out_proj(mixed.transpose(1, 2).flatten(2))


@pytest.mark.parametrize(
    'run', [lambda a, x: a(x, x, x, need_weights=False)[0], in_parts]
)
def test_a_packed_projection_is_one_map(run):
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    nn.init.normal_(attention.in_proj_bias)
    x = tokens(2, 5, 8)
    got = scored(
        'decrement',
        attention.in_proj_weight,
        [lambda: run(attention, x).sin().sum()],
    )
    expected = by_tokens(*packed_projection(attention, x), center=True)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    'layer',
    [
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.Conv2d(4, 6, (3, 2), dilation=2, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
    ],
)
def test_a_convolution_is_a_linear_map_of_its_patches(layer):
    x = tokens(2, 4, 9, 8)
    y = layer(x).detach().requires_grad_()
    (d,) = torch.autograd.grad(y.sin().sum(), y)
    patches = F.unfold(
        x, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )  # shape: (images, channels * kernel, positions)
    groups = layer.groups
    tokens_of = patches.transpose(1, 2).flatten(0, 1).chunk(groups, 1)
    d_of = d.flatten(2).transpose(1, 2).flatten(0, 1).chunk(groups, 1)
    got = scored('decrement', layer.weight, [lambda: layer(x).sin().sum()])
    if groups > 1:  # the floor is that of the layer, here without effect
        floor = torch.stack([t.square().mean(0).sqrt() for t in tokens_of])
        floor = 0.05 * floor.median().double()
    expected = []
    for t, d_ in zip(tokens_of, d_of, strict=True):
        t, d_ = t.double(), d_.double()
        mean = 0 if layer.bias is None else t.mean(0)
        if groups == 1:
            expected.append(by_tokens(t, d_, center=True))
            continue
        scale = ((t - mean).square().mean(0) + floor**2).sqrt()
        expected.append(((d_.T @ (t - mean)).abs() / scale).float())
    torch.testing.assert_close(
        got.flatten(1), torch.cat(expected), rtol=1e-4, atol=1e-4
    )


def test_bfloat16_gradients_are_summed_in_float32():
    layer = Recorded(nn.Linear(6, 3))
    x = tokens(500, 6)

    def loss():
        with torch.autocast('cpu', torch.bfloat16):
            return layer(x).float().sin().sum()

    weights = {'w': layer.layer.weight}
    total = sums_of(weights, [loss])['w']
    _, d = layer.tokens()
    assert d.dtype is torch.bfloat16
    torch.testing.assert_close(total[:3, -1], d.double().sum(0).float())
    torch.testing.assert_close(total[3, :-1], x.double().sum(0).float())
    square = x.double().square().sum(0).float()
    torch.testing.assert_close(total[4, :-1], square)


@pytest.mark.parametrize('reentrant', [True, False])
def test_a_forward_pass_that_runs_twice_is_counted_once(reentrant):
    layer = nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 3))
    weights = {'a': layer[0].weight, 'b': layer[2].weight}
    x = tokens(6, 4).requires_grad_()

    def twice():
        y = checkpoint(layer, x, use_reentrant=reentrant)
        return y.sin().sum()

    plain = sums_of(weights, [lambda: layer(x).sin().sum()])
    got = sums_of(weights, [twice])
    for name, total in plain.items():
        torch.testing.assert_close(got[name], total)
        assert got[name][-2, -1] == 6


def test_sums_of_two_processes_add_up_to_those_of_one():
    layer = nn.Linear(5, 3)
    weights = {'w': layer.weight}
    batches = [tokens(4, 5) for _ in range(4)]
    losses = [lambda x=x: layer(x).sin().sum() for x in batches]
    other = sums_of(weights, losses[2:])['w'].clone()
    run = (loss() for loss in losses[:2])
    (sums,) = running_sums(weights, run, KIND, reduce=lambda t: t.add_(other))
    whole = sums_of(weights, losses)
    for score in ('newton', 'decrement'):
        got = Scores(score, weights, sums, 0)['w']
        expected = Scores(score, weights, whole, 0)['w']
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_a_weight_whose_inputs_are_not_met_competes_by_gradient():
    weight = nn.Parameter(torch.randn(3, 4))
    x = tokens(6, 4)
    with pytest.warns(UserWarning, match='got none of .*w'):
        got = scored('decrement', weight, [lambda: (x @ weight.T).sin().sum()])
    (expected,) = torch.autograd.grad((x @ weight.T).sin().sum(), weight)
    torch.testing.assert_close(got, expected.abs())


def test_nothing_is_left_behind_by_the_pass():
    layer = nn.Linear(4, 3)
    x = tokens(6, 4)
    plain = F.linear, F.conv2d
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for _ in running_sums(
            {'w': layer.weight},
            (layer(x).sum() for _ in range(4)),
            KIND,
            doublings=True,
        ):
            assert (F.linear, F.conv2d) == plain
    assert not layer.weight._post_accumulate_grad_hooks


def test_constant_and_missing_inputs_have_finite_scores():
    layer = nn.Linear(4, 3)
    x = tokens(50, 4)
    x[:, 1], x[:, 2], x[:, 3] = 5.0, 0.0, 0.0
    d = torch.randn(50, 3)

    def loss():
        return (layer(x) * d).sum()

    got = scored('decrement', layer.weight, [loss])
    assert got.isfinite().all()
    assert (got[:, 2:] == 0).all()
    assert (got[:, 1] < 0.1 * got[:, 0]).all()


def test_the_decrement_is_the_decrease_that_the_bias_cannot_reach():
    """Fit one entry and the bias to random targets by least squares."""
    torch.manual_seed(0)
    x = tokens(400, 6).double()
    x[:, 0] *= 10
    target = torch.randn(400).double()
    layer = nn.Linear(6, 1).double()

    def loss():
        residual = layer(x).squeeze(1) - target
        return residual.square().sum() / 2

    got = scored('decrement', layer.weight, [loss]).flatten()
    residual = (layer(x).squeeze(1) - target).detach()
    ones = torch.ones_like(target)
    decreases = []
    for c in range(6):
        both = torch.stack([x[:, c], ones], 1)
        fits = [both @ torch.linalg.lstsq(both, residual).solution]
        fits.append(ones * residual.mean())
        decreases.append((fits[0] - fits[1]).square().sum())
    decreases = torch.stack(decreases)
    # The floor of 0.05 lowers the scores of small inputs a little.
    ratio = got.double().square() / decreases
    assert ratio.max() / ratio.min() < 1.05
    assert got.argsort().tolist() == decreases.argsort().tolist()
