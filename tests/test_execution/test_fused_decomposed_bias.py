"""Attention of SAM's encoder, one layer at a time, against its equation."""

import itertools

import pytest
import torch
from small_encoders import small_model
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from gps_seg.benchmark.counters import saved_bytes
from gps_seg.execution import fuse_attention

HEADS, WIDTH = 2, 8
GRID = (3, 5)


def layer(grid=GRID, **settings):
    small_model('mmpretrain sam')  # registers the classes
    from mmpretrain.models.backbones.vit_sam import Attention

    settings = {'use_rel_pos': True, 'input_size': grid, **settings}
    made = Attention(WIDTH, HEADS, **settings).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def tokens(grid=GRID, batch=2):
    x = torch.randn(batch, *grid, WIDTH, dtype=torch.float64)
    return x.requires_grad_()


def by_definition(attention, x):
    """Every score by itself: s q.k, q.R of the rows, q.C of the columns."""
    height, width = x.shape[1:3]
    places = list(itertools.product(range(height), range(width)))
    depth = WIDTH // HEADS
    results = torch.zeros_like(x)
    for image, head in itertools.product(range(len(x)), range(HEADS)):
        part = slice(head * depth, (head + 1) * depth)
        q, k, v = (
            one[..., part] for one in attention.qkv(x[image]).split(WIDTH, -1)
        )
        for i, j in places:
            scores = torch.stack(
                [
                    q[i, j] @ k[m, n] / depth**0.5
                    + q[i, j] @ attention.rel_pos_h[i - m + height - 1]
                    + q[i, j] @ attention.rel_pos_w[j - n + width - 1]
                    for m, n in places
                ]
            )
            values = torch.stack([v[m, n] for m, n in places])
            results[image, i, j, part] = scores.softmax(0) @ values
    return attention.proj(results)


def gradients(attention, x, function=None):
    outputs = (function or attention)(x)
    weights = torch.linspace(-1, 1, outputs.numel()).view_as(outputs).double()
    wanted = [p for p in (x, *attention.parameters()) if p.requires_grad]
    return torch.autograd.grad((outputs * weights).sum(), wanted)


def assert_close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-11)


def test_outputs_are_those_of_the_equation():
    attention, x = layer(), tokens(batch=1)
    expected = by_definition(attention, x)
    assert fuse_attention(attention).layers == (attention,)
    assert_close(attention(x), expected)


@pytest.mark.parametrize('frozen', [False, True])
def test_gradients_are_those_of_the_class(frozen):
    attention, x = layer(), tokens()
    for table in (attention.rel_pos_h, attention.rel_pos_w):
        table.requires_grad_(not frozen)
    expected = gradients(attention, x)
    assert len(expected) == (5 if frozen else 7)
    fuse_attention(attention)
    assert_close(gradients(attention, x), expected)


@pytest.mark.parametrize('grid', [(2, 2), (3, 5), (8, 1), (7, 9)], ids=str)
def test_tables_are_interpolated_for_other_grids(grid):
    attention, x = layer((4, 6)), tokens(grid)
    expected = attention(x), gradients(attention, x)
    fuse_attention(attention)
    assert_close((attention(x), gradients(attention, x)), expected)


def test_without_positions_and_biases_it_is_plain_attention():
    attention = layer(use_rel_pos=False, qkv_bias=False)
    x = tokens()
    expected = attention(x), gradients(attention, x)
    fuse_attention(attention)
    assert_close((attention(x), gradients(attention, x)), expected)


def test_half_precision_rounds_no_more_than_the_class():
    attention, x = layer((7, 7)), tokens((7, 7))
    exact = attention(x), *gradients(attention, x)
    attention, x = attention.float(), x.detach().float().requires_grad_()

    def errors():
        with torch.autocast('cpu', torch.bfloat16):
            outputs = attention(x)
            found = outputs, *gradients(attention, x)
        return [
            float((one - other).detach().norm() / other.detach().norm())
            for one, other in zip(found, exact, strict=True)
        ]

    plain = errors()
    fuse_attention(attention)
    for fused, shipped in zip(errors(), plain, strict=True):
        assert fused < 1.5 * shipped


def kept_of(attention, x):
    return saved_bytes(lambda: attention(x).sum())


def test_what_is_kept_grows_with_the_tokens_alone():
    attention = layer((8, 8)).requires_grad_(False)
    fuse_attention(attention)
    number = 64
    kept = kept_of(attention, tokens((8, 8), batch=1))
    # q, k, v and the outputs; a row of sums; the two tables by place.
    entries = number * (4 * WIDTH + HEADS) + 2 * 8 * 8 * (WIDTH // HEADS)
    assert kept == 8 * entries
    assert kept < 8 * HEADS * number**2


def test_hooks_of_others_decide_what_is_kept():
    attention, x = layer(), tokens()
    fuse_attention(attention)
    expected = gradients(attention, x)
    packed = []
    with saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
        actual = gradients(attention, x)
    assert all(map(torch.equal, actual, expected))
    longer = WIDTH // HEADS + sum(GRID)
    assert any(longer <= one.shape[-1] < longer + 8 for one in packed)


def test_a_checkpoint_keeps_its_input_alone():
    attention, x = layer(), tokens()
    fuse_attention(attention)
    expected = gradients(attention, x)

    def rerun(inputs):
        return checkpoint(attention, inputs, use_reentrant=False)

    actual = gradients(attention, x, rerun)
    assert all(map(torch.equal, actual, expected))
    assert saved_bytes(lambda: rerun(x).sum()) <= x.nbytes


def test_an_input_that_is_changed_before_the_backward_pass_is_an_error():
    attention, x = layer(), tokens()
    fuse_attention(attention)
    kept = []
    attention.qkv.register_forward_hook(lambda _m, _x, y: kept.append(y))
    outputs = attention(x)
    with torch.no_grad():
        kept[0].zero_()
    with pytest.raises(RuntimeError, match='changed ones in the backward'):
        outputs.sum().backward()
