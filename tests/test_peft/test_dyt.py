# Copyright (c) gps_seg contributors. Apache-2.0.
"""DyT against its equations, and the work that it saves."""

import copy
from functools import partial

import pytest
import torch
from small_blocks import numel_at_vit_b, randomise
from small_encoders import CONFIGS, small_model
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from gps_seg.additions import additions_of, attach, detach, merge
from gps_seg.peft import METHODS, AdaptFormer, DyT, build_method, tune

VITS = [
    'vit',
    'vit without class token',
    'beit',
    'mae',
    'mmpretrain vit',
    'mmpretrain vit without class token',
    'mmpretrain deit',
    'mmpretrain deit3',
    'mmpretrain beit',
    'mmpretrain sam',
]
OTHERS = sorted(CONFIGS.keys() - set(VITS))
BOTTLENECKS = dict(rank=4, scale=0.3, dropout=0.0)
METHOD = DyT(**BOTTLENECKS, complete=False)


def plain_model(encoder):
    """A model in float64 whose tokens differ enough to be told apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = small_model(encoder).double()
        for parameter in model.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    return model


def changed_model(encoder, method=METHOD):
    """The same with what the method adds, of random values."""
    model = plain_model(encoder)
    attach(model, method.additions(model, None), seed=0)
    randomise(model)
    return model


def selection_of(model):
    return model.get_submodule('backbone.added.token_selection')


def features(model):
    generator = torch.Generator().manual_seed(2)
    images = 3 * torch.randn(2, 3, 32, 32, generator=generator).double()
    return model['backbone'](images)[-1]


class Masked:
    """An MLP that computes all tokens, and forgets what some of them gave."""

    def __init__(self, selector, prefix, rule):
        self.selector, self.prefix, self.rule = selector, prefix, rule
        self.mask = None

    def __call__(self, _mlp, args, output):
        scores = args[0] @ self.selector.weight[0] + self.selector.bias
        patches = self.rule(scores)[:, self.prefix :]
        first = patches.new_ones(len(patches), self.prefix)
        self.mask = torch.cat([first, patches], 1) if self.prefix else patches
        return output * self.mask[..., None]


def masked_like(model, encoder, rule):
    """A model with the same bottlenecks, and its masked MLPs."""
    twin, selection = plain_model(encoder), selection_of(model)
    attach(twin, AdaptFormer(**BOTTLENECKS).additions(twin, None), seed=0)
    unknown = twin.load_state_dict(model.state_dict(), strict=False)
    assert not unknown.missing_keys
    mlps = [Masked(s, selection.prefix, rule) for s in selection.selectors]
    for name, mlp in zip(selection.mlps, mlps, strict=True):
        twin['backbone'].get_submodule(name).register_forward_hook(mlp)
    return twin, mlps


@pytest.mark.parametrize('encoder', VITS)
def test_skipping_tokens_gives_the_outputs_of_masked_ones(encoder):
    model = changed_model(encoder)
    twin, mlps = masked_like(
        model, encoder, lambda scores: (scores.sigmoid() > 0.5).double()
    )
    with torch.no_grad():
        expected, got = features(twin), features(model)
    assert 0.1 < torch.stack([mlp.mask for mlp in mlps]).mean() < 0.95
    torch.testing.assert_close(got, expected)


def drawn(scores):
    """Gumbel-sigmoid at temperature 5, as 0 or 1 with the soft gradient."""
    uniform = torch.rand(scores.shape).clamp(1e-6, 1 - 1e-6)
    gumbels = (uniform / (1 - uniform)).log()
    soft = 1 / (1 + (-(scores + gumbels) / 5).exp())
    return (soft.detach() > 0.5).double() - soft.detach() + soft


@pytest.mark.parametrize('encoder', ['vit', 'mmpretrain vit', 'beit'])
def test_training_draws_masks_and_learns_through_them(encoder):
    model = changed_model(encoder).train()
    twin, mlps = masked_like(model, encoder, drawn)
    twin.train()
    torch.manual_seed(3)
    loss = features(model).square().mean() + selection_of(model).penalty()
    torch.manual_seed(3)
    expected = features(twin).square().mean()
    share = torch.stack([mlp.mask for mlp in mlps]).mean()
    expected = expected + 2 * (share - 0.5) ** 2
    torch.testing.assert_close(loss, expected)
    assert 0.1 < share < 0.9
    selectors = list(selection_of(model).selectors.parameters())
    got = torch.autograd.grad(loss, selectors)
    right = torch.autograd.grad(expected, selectors)
    for one, other in zip(got, right, strict=True):
        # The noise is in single precision.
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_the_work_of_the_mlps_falls_with_the_tokens_that_skip():
    width, hidden, per_product = 16, 32, 2
    model = changed_model('vit')
    dense, mlps = masked_like(
        model, 'vit', lambda scores: (scores.sigmoid() > 0.5).double()
    )
    with torch.no_grad():
        with FlopCounterMode(display=False) as all_tokens:
            features(dense)
        with FlopCounterMode(display=False) as kept_tokens:
            features(model)
    selected = sum(mlp.mask.numel() for mlp in mlps)
    skipping = selected - sum(int(mlp.mask.sum()) for mlp in mlps)
    saved = skipping * 2 * width * hidden * per_product
    assert saved > 0.1 * all_tokens.get_total_flops()
    # The score of a token; PyTorch counts no products with a vector.
    spent = selected * width * per_product
    assert kept_tokens.get_total_flops() == (
        all_tokens.get_total_flops() - saved + spent
    )


def test_the_penalty_is_that_of_the_last_pass_in_training():
    model = changed_model('vit').train()
    selection = selection_of(model)
    assert selection.penalty() is None
    features(model)
    assert selection.penalty().requires_grad
    first = selection.penalty().detach()
    copy.deepcopy(model)
    with selection.paused():
        features(model)
    assert torch.equal(selection.penalty(), first)
    features(model.eval())
    assert selection.penalty() is None


def test_it_joins_the_loss_of_a_tuned_model():
    model = plain_model('vit')
    tuned = tune(model, METHOD, losses=[], seed=0)
    features(model.train())
    assert torch.equal(tuned.penalty(), selection_of(model).penalty())


def test_a_step_with_all_tokens_is_that_of_the_bottlenecks():
    model = changed_model('vit').train()
    twin, _ = masked_like(model, 'vit', torch.ones_like)
    with selection_of(model).paused():
        got = features(model)
    assert torch.equal(got, features(twin.train()))


def test_a_copy_selects_by_its_own_values():
    model = changed_model('mmpretrain vit')
    features(model)
    before = features(model)
    twin = copy.deepcopy(model)
    assert torch.equal(features(twin), before)
    for selector in selection_of(twin).selectors:
        selector.bias.data.fill_(-1e3)
    assert not torch.equal(features(twin), before)
    assert torch.equal(features(model), before)
    detach(twin)
    assert torch.equal(features(twin), features(plain_model('mmpretrain vit')))


def test_a_vit_b_gets_as_many_values_as_the_formula_says():
    bottlenecks = 12 * (2 * 64 * 768 + 64 + 768)
    selectors = 12 * (768 + 1)
    formula = bottlenecks + selectors
    assert numel_at_vit_b(DyT(complete=False)) == formula == 1_198_860


@pytest.mark.parametrize('encoder', OTHERS)
def test_encoders_whose_tokens_cannot_skip_are_refused(encoder):
    model = small_model(encoder)
    kind = type(model['backbone']).__name__
    with pytest.raises(ValueError, match=f'expected a plain ViT .* {kind}'):
        METHOD.additions(model, None)


def test_the_refusal_says_why():
    with pytest.raises(ValueError, match=r'\[8, 16\] wide, in stages'):
        METHOD.additions(small_model('swin'), None)
    with pytest.raises(ValueError, match=r'layers.0 has no FFN of MMCV'):
        METHOD.additions(small_model('mmpretrain vit swiglu'), None)
    with pytest.raises(ValueError, match='no blocks'):
        METHOD.additions(small_model('resnet'), None)


def test_an_mlp_with_a_convolution_is_refused(monkeypatch):
    one_width = dict(CONFIGS['mit'], num_heads=[1, 1])
    monkeypatch.setitem(CONFIGS, 'mit of one width', one_width)
    model = small_model('mit of one width')
    with pytest.raises(ValueError, match='no FFN of MMCV that works token by'):
        METHOD.additions(model, None)


def test_checkpoints_are_refused_before_the_training():
    model = small_model('vit')
    model['backbone'].layers[1].with_cp = True
    with pytest.raises(ValueError, match='with_cp: expected False'):
        METHOD.additions(model, None)


def test_a_checkpoint_from_elsewhere_is_refused_in_the_backward_pass():
    model = changed_model('vit').train()
    block = model['backbone'].layers[1]
    block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    loss = features(model).mean()
    with pytest.raises(RuntimeError, match='Switch its checkpointing'):
        loss.backward()
    # Without gradients nothing is recomputed.
    with torch.no_grad():
        features(model.eval())


def test_a_model_without_a_known_classifier_is_refused():
    with pytest.raises(ValueError, match='complete: .*decode_head.conv_seg'):
        DyT().additions(small_model('vit'), None)


@pytest.mark.parametrize('rate', [0, 1.5])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(ValueError, match=r'rate: expected a number in \(0, 1'):
        build_method({'type': 'dyt', 'rate': rate}, METHODS)


def test_it_cannot_be_merged():
    model = changed_model('vit')
    with pytest.raises(ValueError, match='not a linear function'):
        merge(model)
    assert additions_of(model)


@pytest.mark.parametrize('training', [True, False])
def test_under_autocast_the_features_keep_their_type(training):
    types = []
    for model in (small_model('vit'), changed_model('vit').float()):
        mlp = model['backbone'].layers[0].ffn.layers
        mlp.register_forward_hook(lambda *a: types.append(a[2].dtype))
        with torch.autocast('cpu', torch.bfloat16):
            model.train(training)['backbone'](torch.ones(1, 3, 32, 32))
    assert types == [torch.bfloat16] * 2
