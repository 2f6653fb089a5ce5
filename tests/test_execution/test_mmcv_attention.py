"""MMCV's attention layer projects tokens that attend to themselves once."""

import copy

import pytest
import torch
from mmcv.cnn.bricks.transformer import MultiheadAttention
from torch._dynamo.utils import counters

from gps_seg.execution import fuse_attention
from gps_seg.sparse.interception import intercepting


@pytest.fixture(params=[True, False], ids=['batch first', 'tokens first'])
def layers(request):
    """The plain layer and a fused copy."""
    torch.manual_seed(0)
    plain = MultiheadAttention(8, 2, batch_first=request.param).double()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.normal_()
    fused = copy.deepcopy(plain)
    fuse_attention(fused)
    return plain, fused


class CountedMaps:
    """An interceptor that counts linear maps and leaves them alone."""

    def __init__(self):
        self.number = 0
        self.contiguous = []

    def linear(self, plain, inputs, weight, bias):
        self.number += 1
        self.contiguous.append(inputs.is_contiguous())


def maps_of(layer, *args, **kwargs):
    counted = CountedMaps()
    with intercepting(counted):
        layer(*args, **kwargs)
    return counted.number


X = torch.linspace(-1, 1, 96).view(3, 4, 8).double()
OTHER = X.flip(1)


def test_tokens_that_attend_to_themselves_are_projected_once(layers):
    plain, fused = layers
    assert maps_of(plain, X) == (4 if plain.batch_first else 2)
    assert maps_of(fused, X) == 2


@pytest.mark.parametrize('given', [(X,), (X, X.flip(1)), (X, X, X.flip(1))])
def test_maps_get_contiguous_tokens(layers, given):
    # Of others PyTorch copies a frozen weight for each token.
    _, fused = layers
    counted = CountedMaps()
    with intercepting(counted):
        fused(*given)
    assert all(counted.contiguous)


@pytest.mark.parametrize(
    ('given', 'options'),
    [
        ((X,), {}),
        ((X, X, X), {}),
        ((X,), {'identity': OTHER}),
        ((X, None, None, OTHER), {}),
        ((X, OTHER), {}),
        ((X, OTHER, X), {}),
        ((X, X, OTHER), {}),
        ((X,), {'query_pos': OTHER}),
        ((X, None, None, None, OTHER), {}),
        ((X, OTHER), {'key_pos': X}),
        ((X, None), {'query_pos': None, 'attn_mask': None}),
    ],
)
def test_outputs_and_gradients_are_those_of_the_class(layers, given, options):
    results = []
    for layer in layers:
        output = layer(*given, **options)
        layer.zero_grad()
        (output * X).sum().backward()
        gradients = [p.grad.clone() for p in layer.parameters()]
        results.append([output, *gradients])
    for got, expected in zip(*reversed(results), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_a_mask_is_heeded(layers):
    plain, fused = layers
    size = (3, 4) if plain.batch_first else (4, 3)  # (images, tokens)
    mask = torch.zeros(size, dtype=torch.bool)
    mask[:, 0] = True
    got = fused(X, key_padding_mask=mask)
    expected = plain(X, key_padding_mask=mask)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(got, plain(X))


def test_the_layer_is_one_compiled_graph(layers):
    plain, fused = layers
    torch.compiler.reset()
    counters.clear()
    compiled = torch.compile(fused, fullgraph=True, backend='aot_eager')
    torch.testing.assert_close(compiled(X), plain(X), rtol=1e-12, atol=1e-12)
    assert counters['stats']['unique_graphs'] == 1
