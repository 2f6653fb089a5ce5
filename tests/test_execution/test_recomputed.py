"""Recomputed MLPs: the same bits, for less memory."""

import copy
import pickle
import weakref
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from small_encoders import SIDE, small_task
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from gps_seg.additions import Added, Place, Plan, attach
from gps_seg.benchmark.counters import saved_bytes
from gps_seg.execution import recompute_mlps
from gps_seg.peft import METHODS, build_method, tune
from gps_seg.sparse import SelectedWeights, Selection
from gps_seg.sparse.training.columns import ColumnGradients

BLOCKS = {
    'vit': 2,
    'mmpretrain vit': 2,
    'swin': 3,
    'beit': 2,
    'mmpretrain convnext': 3,
    'mmpretrain swin v2': 3,
}
METHOD_CONFIGS = {
    'gps': dict(type='gps', k=1),
    'bias': dict(type='bias'),
    'full': dict(type='full'),
    'lora': dict(type='lora', rank=2, on=['q', 'v']),
}
DTYPES = {
    'float32': (torch.float32, False),
    'float64': (torch.float64, False),
    'bf16 autocast': (torch.float32, True),
}


def tuned_task(name, method='gps', dtype=torch.float32, autocast=False):
    """A model that a method tunes, and its loss."""
    model = small_task(name).model.to(dtype)
    images = torch.randn(2, 3, SIDE, SIDE, dtype=dtype)

    def loss():
        torch.manual_seed(0)  # the same dropout each time
        with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
            *earlier, last = model['backbone'](images)
            terms = [*earlier, model['head'](last)]
        return sum(term.float().square().mean() for term in terms)

    built = build_method(METHOD_CONFIGS[method], METHODS)
    trainable = tune(model, built, [loss], seed=0)
    return SimpleNamespace(model=model, loss=loss, trainable=trainable)


def step(task, losses=1):
    """Loss and gradients of a step that sums several forward passes."""
    with task.trainable.compressing():
        loss = sum(task.loss() for _ in range(losses))
        loss.backward()
    gradients = []
    for name, parameter in task.trainable.named_parameters():
        gradients.append((name, parameter.grad))
        parameter.grad = None
    return loss, gradients


def assert_same_bits(actual, expected):
    assert torch.equal(actual[0], expected[0])
    for (name, one), (other, two) in zip(actual[1], expected[1], strict=True):
        assert name == other
        assert (one is None and two is None) or torch.equal(one, two), name


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('method', METHOD_CONFIGS)
@pytest.mark.parametrize('name', BLOCKS)
def test_losses_and_gradients_have_the_same_bits(name, method, dtype):
    if method == 'lora' and name == 'mmpretrain convnext':
        pytest.skip('it has no attention')
    task = tuned_task(name, method, *DTYPES[dtype])
    expected = step(task)
    handle = recompute_mlps(task.model, 'backbone')
    assert len(handle.recomputed) == BLOCKS[name]
    assert_same_bits(step(task), expected)


@pytest.fixture
def task():
    return tuned_task('vit')


def blocks_with(task, reentrant):
    """Run the blocks under activation checkpointing."""
    for layer in task.model['backbone'].layers:
        plain = layer.forward

        def checkpointed(x, plain=plain):
            return checkpoint(plain, x, use_reentrant=reentrant)

        layer.forward = checkpointed


@pytest.mark.parametrize('reentrant', [True, False])
def test_checkpointed_blocks_have_the_same_bits(task, reentrant):
    expected = step(task)
    blocks_with(task, reentrant)
    checkpointed = step(task)
    recompute_mlps(task.model, 'backbone')
    assert_same_bits(step(task), checkpointed)
    if not reentrant:
        assert_same_bits(checkpointed, expected)


def test_what_a_checkpoint_frees_is_not_kept(task):
    blocks_with(task, reentrant=False)
    checkpointed = saved_bytes(task.loss)
    recompute_mlps(task.model, 'backbone')
    assert saved_bytes(task.loss) == checkpointed


def test_several_forward_passes_before_one_backward_pass(task):
    expected = step(task, losses=3)
    recompute_mlps(task.model, 'backbone')
    assert_same_bits(step(task, losses=3), expected)


def test_a_graph_may_be_used_twice():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    loss = run(model, x).square().sum()
    for _ in range(2):
        actual = torch.autograd.grad(
            loss,
            [x, *model.parameters()],
            retain_graph=True,
            allow_unused=True,
        )
        assert_all_equal(actual, expected)


def test_second_derivatives_have_the_same_bits():
    torch.manual_seed(0)
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)

    def penalty():
        (slope,) = torch.autograd.grad(
            run(model, x).square().sum(), x, create_graph=True
        )
        return torch.autograd.grad(slope.square().sum(), x)[0]

    expected = penalty()
    recompute_mlps(model, 'encoder')
    assert torch.equal(penalty(), expected)


def mlp_block(act=nn.GELU, norm=nn.LayerNorm):
    """A model with one block of which only the MLP is run."""
    mlp = nn.ModuleDict(
        {'fc1': nn.Linear(8, 32), 'act': act(), 'fc2': nn.Linear(32, 8)}
    )
    parts = {'norm1': nn.LayerNorm(8), 'attn': nn.MultiheadAttention(8, 2)}
    block = nn.ModuleDict({**parts, 'norm2': norm(8), 'mlp': mlp})
    return nn.ModuleDict({'encoder': nn.ModuleList([block])})


def run(model, x, between=lambda hidden: hidden):
    block = model['encoder'][0]
    mlp = block['mlp']
    hidden = between(mlp['fc1'](block['norm2'](x)))
    return x + mlp['fc2'](mlp['act'](hidden))


TOKENS, WIDTH, HIDDEN, FLOAT = 2 * 5, 8, 32, 4


def only_biases(model):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith('bias'))
    return model


def test_a_block_keeps_its_input_alone():
    model = only_biases(mlp_block())
    leaf = torch.randn(2, 5, WIDTH, requires_grad=True)

    def loss():
        return run(model, leaf * 2).sum()

    norm = TOKENS * (WIDTH + 2) * FLOAT  # its input, mean and deviation
    assert saved_bytes(loss) == norm + TOKENS * HIDDEN * FLOAT
    handle = recompute_mlps(model, 'encoder')
    assert saved_bytes(loss) == norm
    handle.remove()
    assert saved_bytes(loss) == norm + TOKENS * HIDDEN * FLOAT


@pytest.mark.parametrize('name', ['all', 'gps'])
def test_a_block_that_trains_whole_keeps_its_input_alone(name):
    model = mlp_block()
    leaf = torch.randn(2, 5, WIDTH, requires_grad=True)
    active = nullcontext
    if name == 'gps':  # all columns are selected, and kept whole
        active = ColumnGradients(every_entry(model).values()).active

    def loss():
        with active():
            return run(model, leaf * 2).sum()

    loss()  # finds the columns
    norm = TOKENS * (WIDTH + 2) * FLOAT
    inputs = TOKENS * (WIDTH + 2 * HIDDEN) * FLOAT  # fc1, activation, fc2
    assert saved_bytes(loss) == norm + inputs
    recompute_mlps(model, 'encoder')
    assert saved_bytes(loss) == norm


def every_entry(model):
    weights = {
        name: weight
        for name, weight in model.named_parameters()
        if 'mlp' in name and weight.ndim == 2
    }
    return SelectedWeights(
        model,
        Selection(
            {n: torch.arange(w.numel()) for n, w in weights.items()},
            {n: tuple(w.shape) for n, w in weights.items()},
        ),
    )


@pytest.mark.parametrize('name', ['linear', 'layer_norm'])
def test_what_two_layers_need_is_computed_once(monkeypatch, name):
    calls, plain = [], getattr(F, name)

    def counted(*args, **kwargs):
        calls.append(args)
        return plain(*args, **kwargs)

    model = mlp_block()
    recompute_mlps(model, 'encoder')
    loss = run(model, torch.randn(2, 5, WIDTH)).sum()
    monkeypatch.setattr(F, name, counted)
    loss.backward()
    assert len(calls) == 1


@pytest.mark.parametrize('norm', [nn.RMSNorm, nn.Identity])
def test_behind_another_norm_the_input_of_the_first_layer_is_kept(norm):
    model = only_biases(mlp_block(norm=norm))
    leaf = torch.randn(2, 5, WIDTH, requires_grad=True)

    def loss():
        return run(model, leaf * 2).sum()

    before = saved_bytes(loss)
    expected = gradients_of(model, leaf)
    recompute_mlps(model, 'encoder')
    assert before - saved_bytes(loss) >= TOKENS * (HIDDEN - WIDTH) * FLOAT
    assert_all_equal(gradients_of(model, leaf), expected)


def gradients_of(model, x, **options):
    trained = [p for p in model.parameters() if p.requires_grad]
    return torch.autograd.grad(
        run(model, x, **options).square().sum(),
        [x, *trained],
        allow_unused=True,
    )


def assert_all_equal(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


@pytest.mark.parametrize(
    'between',
    [
        lambda h: h + 1,
        lambda h: h.mul_(2),
        lambda h: h.transpose(0, 1),
        lambda h: h[:, 2:].repeat(1, 2, 1)[:, :5],
    ],
)
def test_a_changed_hidden_layer_is_kept(between):
    model = mlp_block()
    x = torch.randn(5, 5, 8, requires_grad=True)
    expected = gradients_of(model, x, between=between)
    recompute_mlps(model, 'encoder')
    actual = gradients_of(model, x, between=between)
    assert_all_equal(actual, expected)


def change_output(_module, _args, output):
    return 2 * output


def change_in_place(_module, _args, output):
    return output.mul_(2)


@pytest.mark.parametrize('hook', [change_output, change_in_place])
@pytest.mark.parametrize('place', ['norm2', 'mlp.fc1', 'mlp.act', 'mlp.fc2'])
def test_hooks_have_the_same_effect(place, hook):
    model = mlp_block()
    module = model.get_submodule(f'encoder.0.{place}')
    module.register_forward_hook(hook)
    x = torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)


def test_a_hook_that_comes_later_has_the_same_effect():
    model = mlp_block()
    x = torch.randn(2, 5, 8, requires_grad=True)
    handle = recompute_mlps(model, 'encoder')
    assert handle.recomputed == ['encoder.0']
    fc1 = model['encoder'][0]['mlp']['fc1']
    fc1.register_forward_pre_hook(lambda _m, args: args[0] * 3)
    actual = gradients_of(model, x)
    assert list(handle.left) == ['encoder.0']
    handle.remove()
    assert_all_equal(actual, gradients_of(model, x))


def test_a_layer_with_an_addition_is_left(task):
    name = 'backbone.layers.0.ffn.layers.0.0.weight'
    plan = Plan(
        [
            Added(
                'low_rank',
                Place(name),
                {'rank': 2, 'scale': 1.0, 'dropout': 0.0},
            )
        ]
    )
    attach(task.model, plan, seed=0)
    for parameter in task.model.parameters():
        parameter.requires_grad_(True)
        parameter.data += 0.1
    expected = step(task)
    handle = recompute_mlps(task.model, 'backbone')
    assert list(handle.left) == ['backbone.layers.0']
    assert 'additions' in handle.left['backbone.layers.0']
    assert handle.recomputed == ['backbone.layers.1']
    assert_same_bits(step(task), expected)


@pytest.mark.parametrize('act', [nn.ReLU, nn.Tanh])
def test_an_activation_that_keeps_its_output_is_left(act):
    handle = recompute_mlps(mlp_block(act), 'encoder')
    assert handle.recomputed == []
    assert 'activation' in handle.left['encoder.0']


@pytest.mark.parametrize('act', [nn.SiLU, nn.Mish, nn.Hardswish])
def test_other_activations_have_the_same_bits(act):
    model, x = mlp_block(act), torch.randn(2, 5, 8, requires_grad=True)
    expected, before = gradients_of(model, x), saved_by(model, x)
    recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)
    spared = TOKENS * (WIDTH + 2 * HIDDEN) * FLOAT  # inputs of three layers
    assert before - saved_by(model, x) == spared


def saved_by(model, x):
    return saved_bytes(lambda: run(model, x).sum())


def test_an_activation_in_place_has_the_same_bits():
    model = mlp_block(lambda: nn.SiLU(inplace=True))
    x = torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)


@pytest.mark.parametrize(
    'name', ['mit', 'mmpretrain convnext of convolutions']
)
def test_an_mlp_of_convolutions_is_left(name):
    handle = recompute_mlps(small_task(name).model, 'backbone')
    assert handle.recomputed == []
    assert set(handle.left.values()) == {'no linear layers'}


def test_weights_that_changed_meanwhile_are_an_error():
    model = only_biases(mlp_block())
    x = torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')
    loss = run(model, x).sum()
    with torch.no_grad():
        model['encoder'][0]['mlp']['fc1'].bias.add_(1)
    with pytest.raises(RuntimeError, match='recompute: expected'):
        loss.backward()


def test_an_input_that_changed_meanwhile_is_an_error():
    model = mlp_block(norm=nn.Identity).requires_grad_(False)
    leaf = torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')
    x = leaf * 2
    loss = run(model, x).sum()
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match='recompute: expected'):
        loss.backward()


def test_a_users_hooks_on_what_is_saved_get_it_all():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)

    def packed():
        sizes = []

        def pack(tensor):
            sizes.append(tensor.shape)
            return tensor

        with saved_tensors_hooks(pack, lambda kept: kept):
            gradients = gradients_of(model, x)
        return sizes, gradients

    sizes, gradients = packed()
    recompute_mlps(model, 'encoder')
    again, actual = packed()
    assert again == sizes
    assert_all_equal(actual, gradients)


@pytest.mark.parametrize('mode', [torch.no_grad, torch.inference_mode])
def test_without_a_backward_pass_nothing_stays_alive(mode):
    model = mlp_block().eval()
    recompute_mlps(model, 'encoder')
    seen = []
    for module in model.modules():
        module.register_forward_pre_hook(
            lambda _m, args: seen.extend(map(weakref.ref, args))
        )
    with mode():
        run(model, torch.randn(2, 5, 8))
    assert len(seen) == 4
    assert not any(one() is not None for one in seen)


def test_what_is_left_of_a_graph_that_is_not_used_stays_alive_no_longer():
    model = mlp_block()
    recompute_mlps(model, 'encoder')
    x = torch.randn(2, 5, 8, requires_grad=True) * 1
    kept = weakref.ref(x)
    output = run(model, x)
    del x, output
    assert kept() is None


def test_a_captured_tensor_has_nothing_of_this_package():
    model = mlp_block()
    recompute_mlps(model, 'encoder')
    captured = []
    run(
        model,
        torch.randn(2, 5, 8),
        between=lambda h: captured.append(h) or h,
    )
    assert not vars(captured[0])


def test_a_deep_copy_recomputes_with_its_own_weights():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')
    twin = copy.deepcopy(model)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    plain = mlp_block()
    plain.load_state_dict(twin.state_dict())
    assert_all_equal(gradients_of(twin, x), gradients_of(plain, x))
    assert saved_by(twin, x) < saved_by(plain, x)


def test_the_model_stays_the_same():
    model = mlp_block()
    kinds = [type(module) for module in model.modules()]
    keys = list(model.state_dict())
    plain = pickle.dumps(model)
    handle = recompute_mlps(model, 'encoder')
    assert [type(module) for module in model.modules()] == kinds
    assert list(model.state_dict()) == keys
    assert b'gps_seg' not in pickle.dumps(model)
    handle.remove()
    assert pickle.dumps(model) == plain


def test_twice_is_as_once():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')  # by a run that was interrupted
    once = saved_by(model, x)
    handle = recompute_mlps(model, 'encoder')
    assert handle.recomputed == ['encoder.0']
    assert saved_by(model, x) == once
    handle.remove()
    assert saved_by(model, x) > once


@pytest.mark.parametrize('place', ['norm2', 'mlp.fc1', 'mlp.act'])
def test_a_module_with_another_forward_keeps_it(place):
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    module = model.get_submodule(f'encoder.0.{place}')
    plain = module.forward
    module.forward = changed = lambda inputs: 2 * plain(inputs)
    expected = gradients_of(model, x)
    handle = recompute_mlps(model, 'encoder')
    assert_all_equal(gradients_of(model, x), expected)
    handle.remove()
    assert module.forward is changed
    assert bool(handle.left) == (place != 'norm2')


def test_an_activation_may_be_shared():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    model['encoder'].append(copy.deepcopy(model['encoder'][0]))
    model['encoder'][1]['mlp']['act'] = model['encoder'][0]['mlp']['act']
    expected = gradients_of(model, x)
    assert len(recompute_mlps(model, 'encoder').recomputed) == 2
    assert_all_equal(gradients_of(model, x), expected)


def test_function_transforms_have_the_same_bits():
    model, x = mlp_block(), torch.randn(2, 5, 8)
    slope = torch.func.grad(lambda x: run(model, x).square().sum())
    expected = slope(x)
    recompute_mlps(model, 'encoder')
    assert torch.equal(slope(x), expected)


def test_it_goes_through_without_values():
    model = mlp_block().to('meta')
    recompute_mlps(model, 'encoder')
    x = torch.randn(2, 5, 8, device='meta', requires_grad=True)
    run(model, x).sum().backward()
    assert x.grad.shape == x.shape


def test_compiled_code_has_the_same_gradients():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    compiled = torch.compile(run, backend='aot_eager', fullgraph=True)
    loss = compiled(model, x).square().sum()
    trained = [x, *model.parameters()]
    actual = torch.autograd.grad(loss, trained, allow_unused=True)
    for one, other in zip(actual, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)


def test_a_backward_hook_leaves_the_mlp():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    act = model['encoder'][0]['mlp']['act']
    act.register_full_backward_hook(lambda _m, into, _out: (2 * into[0],))
    expected = gradients_of(model, x)
    handle = recompute_mlps(model, 'encoder')
    assert list(handle.left) == ['encoder.0']
    assert_all_equal(gradients_of(model, x), expected)
