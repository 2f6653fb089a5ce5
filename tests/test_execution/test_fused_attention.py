"""Models with fused attention compute what their classes do."""

import copy
import pickle

import pytest
import torch
from mmcv.cnn.bricks.transformer import MultiheadAttention
from mmengine.registry import MODELS
from rounding import rounding_error
from small_encoders import CONFIGS, SIDE, small_model
from torch import nn

from gps_seg.execution import fuse_attention, plain_forwards
from gps_seg.execution.compiled import use_plain_numbers
from gps_seg.execution.instance_forward import has_own_forward
from gps_seg.peft import GPS, tune

# Of MMSegmentation's calls of PyTorch.
pytestmark = [
    pytest.mark.filterwarnings('ignore:.*use_reentrant'),
    pytest.mark.filterwarnings('ignore:torch.meshgrid'),
]
TWINS = dict(
    embed_dims=[8, 16],
    num_heads=[1, 2],
    mlp_ratios=[2, 2],
    depths=[2, 2],
    patch_sizes=[4, 2],
    strides=[4, 2],
    sr_ratios=[2, 1],
    out_indices=(0, 1),
)
SEGMENTER = dict(
    type='SegmenterMaskTransformerHead',
    in_channels=16,
    channels=16,
    embed_dims=16,
    num_heads=2,
    num_classes=3,
    num_layers=2,
    dropout_ratio=0.0,
    drop_path_rate=0.0,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)
#: Model -> encoder, head, number of layers that run fused.
SMALL = {
    'vit': (CONFIGS['vit'], None, 2),
    'vit recomputed': (dict(CONFIGS['vit'], with_cp=True), None, 2),
    'segmenter': (CONFIGS['vit'], SEGMENTER, 4),
    'mit': (CONFIGS['mit'], None, 3),
    'twins pcpvt': (dict(TWINS, type='PCPVT'), None, 4),
    # Every other layer attends in windows.
    'twins svt': (dict(TWINS, type='SVT', windiow_sizes=[4, 4]), None, 2),
    'swin': (CONFIGS['swin'], None, 0),
    'beit': (CONFIGS['beit'], None, 2),
    'mae': (CONFIGS['mae'], None, 2),
    'mmpretrain beit': (CONFIGS['mmpretrain beit'], None, 2),
    'mmpretrain beit, one table for all': (
        dict(
            CONFIGS['mmpretrain beit'],
            use_rel_pos_bias=False,
            use_shared_rel_pos_bias=True,
        ),
        None,
        2,
    ),
    'mmpretrain vit': (CONFIGS['mmpretrain vit'], None, 0),
    # One layer for the whole image, one for windows of 3 x 3 patches, which
    # do not divide 4 x 4.
    'sam': (dict(CONFIGS['mmpretrain sam'], window_size=3), None, 2),
    'sam without positions': (
        dict(CONFIGS['mmpretrain sam'], use_rel_pos=False),
        None,
        2,
    ),
}
NAMES = pytest.mark.parametrize('name', SMALL)


class Model(nn.Module):
    """An encoder, and perhaps a head; all feature maps in one vector."""

    def __init__(self, encoder, head):
        super().__init__()
        self.backbone = encoder
        self.decode_head = head

    def forward(self, x):
        maps = list(self.backbone(x))
        if self.decode_head is not None:
            maps.append(self.decode_head(maps))
        return torch.cat([one.flatten() for one in maps])


def drawn(name, dtype=torch.float64):
    """A small model; tables of positions do not train, as with GPS."""
    small_model('vit')  # registers the classes of all packages
    encoder, head, _ = SMALL[name]
    model = Model(
        MODELS.build(dict(encoder)),
        None if head is None else MODELS.build(dict(head)),
    )
    for parameter_name, parameter in model.named_parameters():
        if 'norm' not in parameter_name and '.ln' not in parameter_name:
            nn.init.normal_(parameter, std=0.3)
        if 'bias_table' in parameter_name:
            parameter.requires_grad_(False)
    return model.to(dtype)


def images(dtype=torch.float64):
    return torch.randn(2, 3, SIDE, SIDE, dtype=dtype, requires_grad=True)


def outputs_and_gradients(model, x):
    """Outputs, loss, and the gradients of the inputs and all parameters."""
    torch.manual_seed(1)  # for the stochastic depth of Twins
    outputs = model(x)
    loss = outputs.square().mean()
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    wanted = {'x': x, **named}
    for tensor in wanted.values():
        tensor.grad = None
    loss.backward()
    found = {n: t.grad for n, t in wanted.items() if t.grad is not None}
    return {'outputs': outputs.detach(), 'loss': loss.detach(), **found}


@pytest.mark.parametrize('training', [True, False])
@NAMES
def test_outputs_and_gradients_are_those_of_the_classes(name, training):
    model, x = drawn(name).train(training), images()
    expected = outputs_and_gradients(model, x)
    handle = fuse_attention(model)
    assert len(handle.layers) == SMALL[name][2]
    actual = outputs_and_gradients(model, x)
    assert list(actual) == list(expected)
    for key, tensor in expected.items():
        scale = float(tensor.abs().max())
        torch.testing.assert_close(
            actual[key], tensor, rtol=0, atol=1e-12 * max(scale, 1)
        )
    handle.remove()
    again = outputs_and_gradients(model, x)
    assert all(torch.equal(again[key], t) for key, t in expected.items())


@pytest.mark.parametrize('name', ['vit', 'segmenter', 'mit', 'beit', 'sam'])
def test_float32_differs_by_rounding(name):
    model, x = drawn(name, torch.float32), images(torch.float32)
    expected = outputs_and_gradients(model, x)
    fuse_attention(model)
    actual = outputs_and_gradients(model, x)
    # Small gradients are differences of large ones.
    scale = max(float(tensor.abs().max()) for tensor in expected.values())
    error = rounding_error(scale, torch.float32, terms=64, depth=4)
    for key, tensor in expected.items():
        assert (actual[key] - tensor).abs().max() < error, key


@pytest.mark.parametrize('name', ['vit', 'beit', 'sam'])
def test_mixed_precision_differs_by_rounding(name):
    model, x = drawn(name, torch.float32), images(torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        expected = model(x)
        fuse_attention(model)
        actual = model(x)
    assert actual.dtype == expected.dtype
    terms = SIDE  # of the sums over a width
    error = rounding_error(
        float(expected.detach().abs().max()), torch.bfloat16, terms, depth=2
    )
    assert (actual - expected).abs().max() < error


@pytest.mark.parametrize('name', [n for n in SMALL if 'beit' in n])
def test_a_table_that_trains_has_the_gradient_of_the_class(name):
    model, x = drawn(name).requires_grad_(True), images()
    expected = outputs_and_gradients(model, x)
    fuse_attention(model)
    actual = outputs_and_gradients(model, x)
    tables = [key for key in actual if 'bias_table' in key]
    assert tables and all(torch.equal(actual[t], expected[t]) for t in tables)


def test_beit_with_a_hook_on_its_weights_is_left_to_the_class():
    model, x = drawn('beit'), images()
    seen = []
    layer = model.backbone.layers[0].attn
    layer.attn_drop.register_forward_hook(lambda _m, _x, w: seen.append(w))
    fuse_attention(model)
    model(x)
    assert len(seen) == 1 and seen[0].shape[-2:] == (17, 17)


def test_a_hook_of_the_user_sees_the_weights():
    model, x = drawn('vit'), images()
    expected, seen = model(x), []
    fuse_attention(model)
    first = model.backbone.layers[0].attn.attn
    handle = first.register_forward_hook(lambda _m, _x, y: seen.append(y[1]))
    model(x)
    torch.testing.assert_close(seen[0].sum(-1), torch.ones(2, 17).double())
    handle.remove()
    torch.testing.assert_close(model(x), expected, rtol=0, atol=1e-12)
    assert len(seen) == 1


class Watched(MultiheadAttention):
    """A layer of a user that looks at the weights."""

    def forward(self, query, **_):
        outputs, self.weights = self.attn(query, query, query)
        return outputs


def test_a_layer_of_the_user_gets_the_weights():
    layer = Watched(16, 2)
    assert fuse_attention(layer).layers == ()
    layer(torch.randn(5, 1, 16))
    assert layer.weights.shape == (1, 5, 5)


def test_a_forward_that_the_user_has_set_gets_the_weights():
    layer = MultiheadAttention(16, 2)
    layer.forward = lambda query: layer.attn(query, query, query)
    assert fuse_attention(layer).layers == ()
    assert layer(torch.randn(5, 1, 16))[1].shape == (1, 5, 5)


def test_weights_are_returned_when_they_are_asked_for():
    model = drawn('vit')
    attention = model.backbone.layers[0].attn.attn
    x = torch.randn(5, 1, 16).double()
    _, expected = attention(x, x, x)
    fuse_attention(model)
    assert attention(x, x, x)[1] is None
    assert torch.equal(attention(x, x, x, need_weights=True)[1], expected)


def own(model):
    """Number of attention layers with a forward of their own."""
    return sum(
        has_own_forward(module)
        for module in model.modules()
        if not isinstance(module, MultiheadAttention)  # calls one of them
    )


def test_a_copy_is_fused_with_its_own_weights():
    model, x = drawn('vit'), images()
    expected = model(x)
    handle = fuse_attention(model)
    twin = copy.deepcopy(model)
    handle.remove()
    assert (own(model), own(twin)) == (0, 2)
    for parameter in model.parameters():
        parameter.data.zero_()
    torch.testing.assert_close(twin(x), expected, rtol=0, atol=1e-12)


def test_a_pickle_is_that_of_the_plain_model_and_can_be_fused():
    model, x = drawn('vit'), images()
    expected = model(x)
    handle = fuse_attention(model)
    loaded = pickle.loads(pickle.dumps(model))
    assert own(loaded) == 0
    assert torch.equal(loaded(x), expected)
    assert len(fuse_attention(loaded).layers) == len(handle.layers)
    assert own(loaded) == 2


def test_keys_and_classes_stay():
    model = drawn('vit')
    keys = list(model.state_dict())
    classes = [type(module) for module in model.modules()]
    fuse_attention(model)
    assert list(model.state_dict()) == keys
    assert [type(module) for module in model.modules()] == classes


def test_what_is_fused_already_stays():
    model = drawn('vit')
    first = fuse_attention(model)
    second = fuse_attention(model)
    assert second.layers == ()
    second.remove()
    assert own(model) == len(first.layers)


@pytest.mark.parametrize('name', ['vit', 'beit', 'sam'])
def test_plain_forwards_are_those_of_the_classes_for_a_while(name):
    model, x = drawn(name), images()
    expected = model(x)
    fuse_attention(model)
    with plain_forwards(model):
        assert torch.equal(model(x), expected)
        assert own(model) == 0
    assert own(model) == 2
    twin = copy.deepcopy(model)
    torch.testing.assert_close(twin(x), expected, rtol=0, atol=1e-12)


def test_plain_forwards_keep_those_of_the_user():
    layer = nn.Linear(3, 3)
    layer.forward = torch.neg
    with plain_forwards(layer):
        assert torch.equal(layer(torch.ones(1)), -torch.ones(1))


def test_selected_gradients_are_entries_of_the_dense_ones():
    plain, x = drawn('segmenter'), images()
    expected = outputs_and_gradients(plain, x)
    model = copy.deepcopy(plain)
    fuse_attention(model)

    def loss():
        return model(x).square().mean()

    tuned = tune(model, GPS(k=2), losses=[loss], seed=0)
    with tuned.compressing():
        loss().backward()
    gradients = {n: p.grad for n, p in tuned.named_parameters()}
    packed = 'backbone.layers.0.attn.attn.in_proj_weight'
    assert packed in tuned.selected
    scale = max(float(tensor.abs().max()) for tensor in expected.values())
    for name, gradient in gradients.items():
        dense = expected[name]
        if name in tuned.selected:
            dense = dense.flatten()[tuned.selected[name].indices]
        assert (gradient - dense).abs().max() < 1e-12 * max(scale, 1), name


@pytest.mark.parametrize('name', ['vit', 'beit', 'mit', 'sam'])
def test_torch_compile_traces_a_block_as_one_graph(name):
    model = drawn(name)
    use_plain_numbers(model)  # drop rates of NumPy, as compile_parts does
    fuse_attention(model)
    block, shape = model.backbone.layers[0], ()
    if name == 'mit':
        block, shape = block[1][0], ((3, 6),)
    number = (4, 4) if name == 'sam' else (18 - (not shape),)
    tokens = torch.randn(2, *number, block_width(block)).double()
    torch._dynamo.reset()
    compiled = torch.compile(block, fullgraph=True, backend='aot_eager')
    for one, other in zip(
        with_gradient(compiled, tokens, *shape),
        with_gradient(block, tokens, *shape),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def block_width(block):
    return next(block.parameters()).numel()  # of its first norm


def with_gradient(block, tokens, *shape):
    x = tokens.clone().requires_grad_()
    outputs = block(x, *shape)
    return outputs, *torch.autograd.grad(outputs.square().sum(), x)
