"""A form of a linear map is computed wherever the map is."""

import pytest
import torch
import torch.nn.functional as F
from rounding import assert_equal_to_rounding
from torch import nn

from gps_seg.additions import Added, Place, Plan, attach, is_added, merge
from gps_seg.additions.linear_form import LinearForm
from gps_seg.peft import Trainable
from gps_seg.sparse import Role, Selection

PLAIN = F.linear
ROWS = ((0, 8), (16, 24))
INPUTS = {
    'one input': lambda x, y, z: (x, x, x),
    'keys are values': lambda x, y, z: (x, y, y),
    'three inputs': lambda x, y, z: (x, y, z),
}


def filled(model, plan, seed=0):
    """Attach a plan, with random values."""
    attach(model, plan, seed)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_added(name):
                drawn = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(drawn)
    return model


def low_rank(*places):
    settings = {'rank': 2, 'scale': 0.5, 'dropout': 0.0}
    return Plan(Added('low_rank', Place.of(at), settings) for at in places)


def attention():
    """Attention with an update of q, v and the output; and its weights."""
    torch.manual_seed(0)
    plain = nn.MultiheadAttention(8, 2, batch_first=True).double()
    nn.init.normal_(plain.in_proj_bias)
    packed = [f'in_proj_weight[{a}:{b}]' for a, b in ROWS]
    model = nn.MultiheadAttention(8, 2, batch_first=True).double()
    model.load_state_dict(plain.state_dict())
    filled(model, low_rank(*packed, 'out_proj.weight'))
    with torch.no_grad():
        for start, stop in ROWS:
            one = model.added[f'low_rank_in_proj_weight_{start}_{stop}']
            plain.in_proj_weight[start:stop] += 0.5 * one.b @ one.a
        one = model.out_proj.added.low_rank
        plain.out_proj.weight += 0.5 * one.b @ one.a
    return model, plain


@pytest.mark.parametrize('mode', [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize('inputs', INPUTS.values(), ids=INPUTS)
def test_rows_of_packed_attention(inputs, mode):
    model, expected = attention()
    inputs = inputs(*torch.randn(3, 2, 5, 8).double())
    assert_equal_to_rounding(
        model(*inputs)[0], expected(*inputs)[0], terms=16, depth=8
    )
    model.eval()
    with mode():
        found = model(*inputs, need_weights=False)[0]
    assert_equal_to_rounding(found, expected(*inputs)[0], terms=16, depth=8)


def test_the_gradient_is_that_of_the_formula():
    model, plain = attention()
    x = torch.randn(2, 5, 8).double()
    model(x, x, x)[0].square().sum().backward()
    plain(x, x, x)[0].square().sum().backward()
    for start, stop in ROWS:
        one = model.added[f'low_rank_in_proj_weight_{start}_{stop}']
        dense = plain.in_proj_weight.grad[start:stop]  # of W + 0.5 B A
        for found, expected in (
            (one.a.grad, 0.5 * one.b.T @ dense),
            (one.b.grad, 0.5 * dense @ one.a.T),
        ):
            assert_equal_to_rounding(found, expected, terms=80, depth=8)


class Scaled(LinearForm):
    """``y = s * (W x + b)``."""

    def __init__(self, shape, start=2.0):
        super().__init__(shape)
        self.s = nn.Parameter(torch.full((shape[0],), start))

    def forward(self, base, inputs):
        return self.s * base(inputs)


@pytest.fixture
def _scaled(monkeypatch):
    from gps_seg.additions.kinds import ADDITIONS

    monkeypatch.setitem(ADDITIONS, 'scaled', Scaled)


@pytest.mark.usefixtures('_scaled')
def test_a_form_has_the_bias_of_its_rows():
    model = nn.Linear(4, 6)
    attach(model, Plan([Added('scaled', Place('weight', (2, 4)))]), seed=0)
    x = torch.randn(3, 4)
    expected = F.linear(x, model.weight, model.bias)
    expected[:, 2:4] *= 2
    assert_equal_to_rounding(model(x), expected, terms=4)


@pytest.mark.usefixtures('_scaled')
@pytest.mark.parametrize('name', ['self_attn.out_proj', 'linear1', 'linear2'])
def test_the_fused_inference_of_pytorch_does_not_pass_it_by(name):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    plain = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    weight = f'layers.1.{name}.weight'
    attach(model, Plan([Added('scaled', Place(weight))]), seed=0)
    module = plain.get_submodule(f'layers.1.{name}')
    with torch.no_grad():
        module.weight *= 2
        module.bias *= 2
        x = torch.randn(2, 5, 8)
        found, expected = model(x), plain(x)
    assert_equal_to_rounding(found, expected, terms=16, depth=16)


def test_a_map_of_other_rows_is_an_error():
    class Half(nn.Linear):
        def forward(self, x):
            return F.linear(x, self.weight[:3], self.bias[:3])

    model = Half(4, 6)
    attach(model, low_rank('weight[2:6]'), seed=0)
    with pytest.raises(RuntimeError, match='rows 2 to 6 .* rows 0 to 3'):
        model(torch.randn(1, 4))


def test_an_error_in_the_forward_pass_ends_the_interception():
    model = nn.Sequential(filled(nn.Linear(4, 4), low_rank('weight')))
    with pytest.raises(RuntimeError):
        model(torch.randn(1, 5))
    assert F.linear is PLAIN
    assert model(torch.randn(1, 4)).shape == (1, 4)


def test_an_interrupted_forward_pass_leaves_nothing_behind():
    """PyTorch calls no hook after a KeyboardInterrupt."""
    model = filled(nn.Linear(4, 4), low_rank('weight'))

    def interrupt(*_):
        raise KeyboardInterrupt

    x = torch.randn(2, 4)
    expected = model(x)
    interruption = model.register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        model(x)
    interruption.remove()
    assert_equal_to_rounding(model(x), expected, terms=4, depth=1)
    merge(model)
    assert F.linear is PLAIN
    assert_equal_to_rounding(model(x), expected, terms=4, depth=3)


def test_autocast_is_not_left():
    model = filled(nn.Linear(4, 4), low_rank('weight'))
    with torch.autocast('cpu', torch.bfloat16):
        assert model(torch.randn(2, 4)).dtype == torch.bfloat16


def test_a_functional_call_uses_the_values_that_it_is_given():
    model = filled(nn.Linear(4, 4), low_rank('weight'))
    given = {n: torch.randn_like(t) for n, t in model.state_dict().items()}
    x = torch.randn(2, 4)
    found = torch.func.functional_call(model, given, (x,))
    a, b = given['added.low_rank.a'], given['added.low_rank.b']
    weight = given['weight'] + 0.5 * b @ a
    expected = F.linear(x, weight, given['bias'])
    assert_equal_to_rounding(found, expected, terms=4, depth=3)


@pytest.mark.parametrize('compressed', [False, True])
def test_entries_of_the_same_weight_may_train(compressed):
    """Columns of the gradient, and an update of low rank, of one weight."""
    model, plain = attention()
    name = 'in_proj_weight'
    indices = torch.tensor([0, 9, 130, 191])
    roles = {n: Role.FROZEN for n, _ in model.named_parameters()}
    roles[name] = Role.SELECTED
    selection = Selection({name: indices}, {name: (24, 8)})
    trainable = Trainable(model, roles, selection)
    x = torch.randn(2, 5, 8).double()
    if compressed:
        with trainable.compressing():
            model(x, x, x)[0].square().sum().backward()
        assert model.in_proj_weight.grad is None
    else:
        model(x, x, x)[0].square().sum().backward()
    plain(x, x, x)[0].square().sum().backward()
    expected = plain.in_proj_weight.grad.flatten()[indices]
    found = trainable.selected[name].values.grad
    assert_equal_to_rounding(found, expected, terms=80, depth=8)


@pytest.mark.filterwarnings('ignore::UserWarning')  # of Dynamo
def test_attention_that_is_compiled_past_its_form_is_an_error():
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    model = nn.ModuleDict({'attention': attention})
    settings = {'rank': 2, 'scale': 0.5, 'dropout': 0.0}
    place = Place('attention.in_proj_weight', (0, 8))
    attach(model, Plan([Added('low_rank', place, settings)]), seed=0)
    x = torch.randn(1, 3, 8)
    compiled = torch.compile(attention, backend='aot_eager')
    with pytest.raises(RuntimeError, match=r'torch\.compile.*Merge'):
        compiled(x, x, x)
    assert attention(x, x, x)[0].shape == x.shape
