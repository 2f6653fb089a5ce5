"""The cheap gradient of a weight (VeLoRA) against its definition."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from gps_seg.additions import is_added, merge, plan_of
from gps_seg.peft import Full, tune

WIDTH, GROUPS = 12, 3
X = torch.randn(
    2, 5, WIDTH, generator=torch.Generator().manual_seed(1)
).double()


def make():
    torch.manual_seed(0)
    backbone = nn.ModuleDict(
        {
            'attn': nn.MultiheadAttention(WIDTH, 2, batch_first=True),
            'fc': nn.Linear(WIDTH, 6),
        }
    )
    return nn.ModuleDict({'backbone': backbone}).double()


def run(model, x=X):
    backbone = model['backbone']
    return backbone['fc'](backbone['attn'](x, x, x, need_weights=False)[0])


def tuned(groups=GROUPS):
    model = make()
    tune(model, Full(velora_groups=groups), losses=[], seed=0)
    return model


def approximate(x, groups=GROUPS):
    """``x`` as the backward pass sees it: the sub-tokens along their mean."""
    parts = x.detach().view(-1, groups, x.shape[-1] // groups)
    mean = parts.mean((0, 1))
    v = mean / mean.norm()
    return torch.einsum('tgd,d,e->tge', parts, v, v).flatten(1)


def test_the_gradients_are_those_of_the_definition():
    model = tuned()
    layer = model['backbone']['fc']
    x = X.clone().requires_grad_()
    gradient = torch.randn(2, 5, 6, dtype=torch.float64)
    outputs = layer(x)
    assert torch.equal(outputs, F.linear(X, layer.weight, layer.bias))
    outputs.backward(gradient)
    rows = gradient.view(-1, 6)
    assert torch.allclose(layer.weight.grad, rows.T @ approximate(X))
    assert torch.allclose(layer.bias.grad, rows.sum(0))
    assert torch.allclose(x.grad, gradient @ layer.weight)


def test_only_weights_of_linear_maps_have_other_gradients():
    exact, cheap = make(), tuned()
    for model in (exact, cheap):
        run(model).square().sum().backward()
    for name, parameter in exact.named_parameters():
        same = torch.allclose(parameter.grad, cheap.get_parameter(name).grad)
        assert same is not name.endswith('weight')


def test_packed_rows_have_the_gradients_of_the_definition():
    """v and the output projection of one head, with equal attention."""
    model = tuned()
    attention = model['backbone']['attn']
    with torch.no_grad():
        attention.in_proj_weight[: 2 * WIDTH] = 0
        attention.in_proj_bias.zero_()
    out, _ = attention(X, X, X, need_weights=False)
    out.sum().backward()
    # Equal weights: every output is the mean of the values.
    weight = attention.out_proj.weight
    for_values = weight.sum(0).expand(10, WIDTH)
    expected = for_values.T @ approximate(X)
    found = attention.in_proj_weight.grad[2 * WIDTH :]
    assert torch.allclose(found, expected)


def test_the_direction_is_that_of_the_first_batch():
    model = tuned()
    layer = model['backbone']['fc']
    layer(X).sum().backward()
    first = direction(model).clone()
    layer(X + 1).sum().backward()
    assert torch.equal(direction(model), first)
    assert first.norm().item() == pytest.approx(1)


def direction(model):
    (found,) = (b for n, b in model.named_buffers() if '.fc.added' in n)
    return found


def test_a_loaded_direction_stays():
    first, again = tuned(), tuned()
    run(first).sum().backward()
    again.load_state_dict(first.state_dict())
    run(again, X + 1).sum().backward()
    assert torch.equal(direction(again), direction(first))


def test_an_evaluation_sets_no_direction():
    model = tuned()
    with torch.no_grad():
        run(model)
    assert not direction(model).any()


def test_recomputed_checkpoints_have_the_same_gradients():
    plain = tuned()
    again = copy.deepcopy(plain)
    run(plain).square().sum().backward()
    checkpoint(
        lambda: run(again), use_reentrant=False
    ).square().sum().backward()
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter.grad, again.get_parameter(name).grad)


def test_few_numbers_of_the_inputs_are_kept():
    def saved(model):
        sizes = {}

        def pack(tensor):
            owned = any(tensor is one for one in model.parameters())
            if not owned and tensor.shape[-1:] != (WIDTH // GROUPS,):
                sizes[tensor.data_ptr()] = tensor.numel()
            return tensor

        x = X.clone()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            output = model['backbone']['fc'](x)
        output.sum().backward()
        return sum(sizes.values())

    assert saved(make()) == X.numel()
    assert saved(tuned()) == X.numel() // WIDTH * GROUPS


def test_autocast_keeps_its_type():
    model = tuned().float()
    with torch.autocast('cpu', torch.bfloat16):
        outputs = model['backbone']['fc'](X.float())
    assert outputs.dtype == torch.bfloat16
    outputs.float().sum().backward()
    assert model['backbone']['fc'].weight.grad.dtype == torch.float32


def test_outputs_may_be_changed_in_place():
    """As by Swin v2, with inputs of four axes."""
    layer = nn.Linear(WIDTH, 6).double()
    model = nn.ModuleDict({'backbone': nn.ModuleDict({'fc': layer})})
    tune(model, Full(velora_groups=GROUPS), losses=[], seed=0)
    layer(X[None]).add_(1).sum().backward()
    expected = torch.ones(6, 10, dtype=torch.float64) @ approximate(X)
    assert torch.allclose(layer.weight.grad, expected)


def test_merged_it_is_the_plain_model():
    model = tuned()
    run(model).sum().backward()
    merge(model)
    assert not any(map(is_added, model.state_dict()))
    assert torch.equal(run(model), run(make()))


def test_without_the_setting_nothing_is_added():
    model = make()
    tune(model, Full(), losses=[], seed=0)
    assert len(plan_of(model)) == 0


@pytest.mark.parametrize(
    ('groups', 'error', 'message'),
    [
        (5, ValueError, r'velora_groups: expected a common .*\[12\], got 5'),
        (0, ValueError, 'velora_groups: expected velora_groups >= 1, got 0'),
        (2.0, TypeError, 'velora_groups: expected an int, got 2.0'),
    ],
)
def test_wrong_groups_are_refused(groups, error, message):
    with pytest.raises(error, match=message):
        tuned(groups)
