"""Products give the gradients of attention to few tokens in bfloat16."""

import math
import threading

import pytest
import torch
import torch.nn.functional as F
from small_encoders import SIDE, small_model
from torch import nn

from gps_seg.execution import fuse_attention
from gps_seg.execution.fused_attention import product_gradient
from gps_seg.execution.fused_attention.product_gradient import attend

HEADS = 3
WIDTH = 16


def drawn(queries=20, keys=20, spread=1.0, dtype=torch.bfloat16):
    """Queries, keys and values as views of projections, as layers have."""
    torch.manual_seed(0)
    sizes = ((queries, spread), (keys, spread), (keys, 1.0))
    made = [
        (torch.randn(2, n, HEADS, WIDTH) * size).to(dtype) for n, size in sizes
    ]
    return [x.transpose(1, 2).requires_grad_() for x in made]


def by_hand(q, k, v, scale):
    return (scale * q @ k.transpose(-1, -2)).softmax(-1) @ v


def outputs_and_gradients(attention, inputs, scale, gradient):
    outputs = attention(*inputs, scale=scale)
    return outputs, *torch.autograd.grad(
        outputs, inputs, gradient.to(outputs.dtype)
    )


def errors(actual, expected):
    """Relative errors of the outputs and of the gradients of q, k and v."""
    return [
        float(((one.double() - other).norm() / other.norm()).detach())
        for one, other in zip(actual, expected, strict=True)
    ]


def is_by_products(outputs):
    return 'ProductGradient' in outputs.grad_fn.name()


def mixed(**given):
    return attend(*drawn(**given))


@pytest.mark.parametrize('block', [1, 2**18], ids=['one by one', 'at once'])
@pytest.mark.parametrize('scale', [0.25, 0.3])
@pytest.mark.parametrize('spread', [1.0, 3.0])
@pytest.mark.parametrize('sizes', [(20, 20), (7, 33), (1, 1)], ids=str)
def test_gradients_are_those_of_the_equation(
    monkeypatch, sizes, spread, scale, block
):
    monkeypatch.setattr(product_gradient, '_BLOCK', block)
    inputs = drawn(*sizes, spread)
    gradient = torch.randn(2, sizes[0], HEADS, WIDTH).bfloat16().double()
    gradient = gradient.transpose(1, 2)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    expected = outputs_and_gradients(by_hand, exact, scale, gradient)
    actual = outputs_and_gradients(attend, inputs, scale, gradient)
    assert is_by_products(actual[0])
    for one, other in zip(actual, expected, strict=True):
        # Weights, their gradients and the results are rounded to 8 bits;
        # scores are not, whose errors would be multiplied by their size.
        scale_of = max(float(other.detach().norm()), 1.0)
        error = (one.double() - other).norm()
        assert error < 2 * torch.finfo(torch.bfloat16).eps * scale_of


@pytest.mark.parametrize('spread', [1.0, 3.0])
@pytest.mark.parametrize('tokens', [20, 64, 240])
def test_errors_are_no_larger_than_those_of_the_kernel(tokens, spread):
    inputs = drawn(tokens, tokens, spread)
    gradient = torch.randn(2, HEADS, tokens, WIDTH).bfloat16()
    exact = [x.detach().double().requires_grad_() for x in inputs]
    expected = outputs_and_gradients(by_hand, exact, 0.25, gradient)
    kernel = F.scaled_dot_product_attention
    theirs, ours = (
        errors(outputs_and_gradients(f, inputs, 0.25, gradient), expected)
        for f in (kernel, attend)
    )
    # 5 % are chance: thousands of entries are rounded in another order.
    assert math.hypot(*ours[1:]) < 1.05 * math.hypot(*theirs[1:])


def test_outputs_have_the_bits_of_the_kernel_and_nothing_more_is_kept():
    inputs, kept = drawn(), []

    def keep(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        outputs = attend(*inputs)
    assert torch.equal(outputs, F.scaled_dot_product_attention(*inputs))
    assert {x.data_ptr() for x in kept} == {x.data_ptr() for x in inputs}


def test_a_backward_pass_inside_of_autocast_has_the_same_bits():
    inputs = drawn(spread=3.0)
    expected = torch.autograd.grad(attend(*inputs).sum(), inputs)
    with torch.autocast('cpu', torch.bfloat16):
        actual = torch.autograd.grad(attend(*inputs).sum(), inputs)
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one, other)


def test_only_small_attention_in_bfloat16_with_gradients_has_products():
    assert is_by_products(mixed())
    assert not is_by_products(mixed(dtype=torch.float32))
    assert not is_by_products(mixed(queries=601, keys=600))
    inputs = drawn()
    assert not is_by_products(attend(*inputs, dropout_p=0.5))
    mask = torch.zeros(20, 20, dtype=torch.bfloat16)
    assert not is_by_products(attend(*inputs, attn_mask=mask))
    with torch.no_grad():
        assert attend(*inputs).grad_fn is None
    frozen = [x.detach() for x in inputs]
    assert attend(*frozen).grad_fn is None


def test_compiled_code_has_the_kernel():
    graphs = []

    def keep(graph, _):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(attend, backend=keep, fullgraph=True)
    assert not is_by_products(compiled(*drawn()))
    assert 'scaled_dot_product_attention' in graphs[0].code


def test_transforms_of_functions_have_the_kernel():
    inputs = [x.detach() for x in drawn()]

    def loss(q, k, v):
        return attend(q, k, v).float().sum()

    gradient = torch.func.grad(loss)(*inputs)
    assert gradient.shape == inputs[0].shape


def test_a_second_thread_has_the_same_gradients():
    inputs, found = drawn(), []
    expected = torch.autograd.grad(attend(*inputs).sum(), inputs)

    def work():
        found.extend(torch.autograd.grad(attend(*inputs).sum(), inputs))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert all(map(torch.equal, found, expected))


def names_of_graph(outputs):
    seen, rest = set(), [outputs.grad_fn]
    while rest:
        node = rest.pop()
        if node is not None and node not in seen:
            seen.add(node)
            rest.extend(parent for parent, _ in node.next_functions)
    return [node.name() for node in seen]


@pytest.mark.parametrize('name', ['vit', 'mmpretrain vit'])
def test_hosts_have_products_while_they_are_fused(name):
    model = small_model(name)['backbone']
    x = torch.randn(1, 3, SIDE, SIDE)

    def number():
        with torch.autocast('cpu', torch.bfloat16):
            names = names_of_graph(model(x)[-1])
        return sum('ProductGradient' in one for one in names)

    assert number() == 0
    first = fuse_attention(model)
    second = fuse_attention(model)
    assert number() == 2
    second.remove()
    assert number() == 2
    first.remove()
    assert number() == 0


def mmpretrain_layer(**settings):
    small_model('vit')  # registers the classes of all packages
    from mmpretrain.models.utils.attention import MultiheadAttention

    layer = MultiheadAttention(12, 3, **settings).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


@pytest.mark.parametrize(
    'settings',
    [
        {},
        {'qk_scale': 2.0},
        {'qkv_bias': False, 'proj_bias': False},
        {'layer_scale_init_value': 0.5},
        {'attn_drop': 0.4, 'proj_drop': 0.3},
        {'dropout_layer': {'type': 'DropPath', 'drop_prob': 0.5}},
        {'input_dims': 8},
    ],
    ids=str,
)
def test_the_layer_of_mmpretrain_computes_what_its_class_does(settings):
    layer = mmpretrain_layer(**settings)
    x = torch.randn(4, 5, layer.input_dims).double().requires_grad_()

    def found():
        torch.manual_seed(3)
        outputs = layer(x)
        wanted = (x, *layer.parameters())
        return outputs, *torch.autograd.grad(outputs.sum(), wanted)

    expected = found()
    fuse_attention(layer)
    for one, other in zip(found(), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_a_shortcut_of_the_values_is_left_to_the_class():
    layer = mmpretrain_layer(v_shortcut=True)
    x = torch.randn(1, 1, 12).double()
    layer.num_heads, layer.head_dims = 1, 12
    expected = layer(x)
    fuse_attention(layer)
    assert torch.equal(layer(x), expected)
