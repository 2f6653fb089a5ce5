# Copyright (c) gps_seg contributors. Apache-2.0.
"""Adapters behind MLP and attention against their equations."""

import copy

import pytest
import torch
import torch.nn.functional as F
from rounding import assert_equal_to_rounding
from small_blocks import (
    FAMILIES,
    numel_at_vit_b,
    randomise,
    resnet,
    small_block,
)
from small_encoders import small_task
from torch import nn

from gps_seg.additions import additions_of, attach, merge
from gps_seg.peft import Adapter, Houlsby, tune

OF_THE_BLOCK = {
    # Family -> last layers of attention and MLP in a block.
    'vit': ('attn.attn.out_proj', 'ffn.layers.1'),
    'swin': ('attn.w_msa.proj', 'ffn.layers.1'),
    'mmpretrain vit': ('attn.proj', 'ffn.layers.1'),
    'mmpretrain convnext': (None, 'pointwise_conv2'),
    'torch': ('self_attn.out_proj', 'linear2'),
}


class Followed(nn.Linear):
    """A linear layer whose outputs go through a bottleneck."""

    def forward(self, inputs):
        outputs = super().forward(inputs)
        hidden = F.gelu(outputs @ self.adapter.down.weight.T + self.d)
        return outputs + hidden @ self.adapter.up.weight.T + self.u

    @property
    def d(self):
        return self.adapter.down.bias

    @property
    def u(self):
        return self.adapter.up.bias


def followed(layer, adapter):
    """Let a layer of a plain model apply an adapter by itself."""
    layer.__class__ = Followed
    object.__setattr__(layer, 'adapter', adapter)


@pytest.mark.parametrize('family', FAMILIES)
def test_the_mlp_is_followed_by_a_bottleneck(family):
    small = small_block(family)
    plain = copy.deepcopy(small.model).get_submodule(small.name)
    method = Adapter(rank=4)
    attach(small.model, method.additions(small.model, None), seed=0)
    block = small.model.get_submodule(small.name)
    _, layer = OF_THE_BLOCK[family]
    (adapter,) = additions_of(block).values()
    before = plain(*small.inputs).detach()
    assert torch.equal(block(*small.inputs), before)
    randomise(small.model)
    followed(plain.get_submodule(layer), adapter)
    expected = plain(*small.inputs).detach()
    after = block(*small.inputs).detach()
    assert_equal_to_rounding(after, expected, terms=16, depth=10)
    assert (after - before).abs().max() > 0.1


def test_the_attention_is_followed_by_one_of_its_own():
    small = small_block('vit')
    plain = copy.deepcopy(small.model).get_submodule(small.name)
    method = Houlsby(rank=4)
    attach(small.model, method.additions(small.model, None), seed=0)
    randomise(small.model)
    block = small.model.get_submodule(small.name)
    first, second = additions_of(block).values()
    assert first is block.attn.attn.out_proj.added['bottleneck']
    followed(plain.ffn.layers[1], second)
    stream = small.inputs[0]
    with torch.no_grad():
        attended = plain.attn(plain.ln1(stream), identity=0 * stream)
        hidden = F.gelu(attended @ first.down.weight.T + first.down.bias)
        update = hidden @ first.up.weight.T + first.up.bias
        middle = stream + attended + update
        expected = plain.ffn(plain.ln2(middle), identity=middle)
        after = block(stream)
    assert_equal_to_rounding(after, expected, terms=16, depth=10)


@pytest.mark.filterwarnings('ignore:init=.vpt_zero')
def test_of_an_adapter_of_zeros_only_the_last_bias_learns():
    task = small_task('mmpretrain vit')
    tuned = tune(task.model, Adapter(init='vpt_zero'), losses=[], seed=0)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        task.loss().backward()
        optimizer.step()
    adapters = list(additions_of(task.model).values())
    assert len(adapters) == 2
    for adapter in adapters:
        assert adapter.up.bias.all()
        for zero in (adapter.down.weight, adapter.down.bias):
            assert not zero.any()
        assert not adapter.up.weight.any()


@pytest.mark.parametrize('init', ['zero_up', 'near_zero', 'xavier'])
def test_with_other_initial_values_all_of_it_learns(init):
    task = small_task('mmpretrain vit')
    tuned = tune(task.model, Adapter(init=init), losses=[], seed=0)
    starts = {n: p.detach().clone() for n, p in task.model.named_parameters()}
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.1, weight_decay=0)
    for _ in range(2):
        optimizer.zero_grad()
        task.loss().backward()
        optimizer.step()
    for name, parameter in task.model.named_parameters():
        if '.added.' in name:
            assert not torch.equal(parameter, starts[name]), name


def test_values_near_zero_are_within_two_standard_deviations():
    small = small_block('vit')
    method = Houlsby(rank=16)
    attach(small.model, method.additions(small.model, None), seed=0)
    for adapter in additions_of(small.model).values():
        for weight in (adapter.down.weight, adapter.up.weight):
            assert 0.015 < weight.abs().max() <= 0.02
        assert not (adapter.down.bias.any() or adapter.up.bias.any())


def test_values_of_xavier_reach_the_bound_of_its_uniform_distribution():
    small = small_block('vit')
    method = Adapter(rank=8, init='xavier')
    attach(small.model, method.additions(small.model, None), seed=0)
    bound = (6 / (8 + 16)) ** 0.5
    for adapter in additions_of(small.model).values():
        for weight in (adapter.down.weight, adapter.up.weight):
            assert 0.9 * bound < weight.abs().max() <= bound
        for bias in (adapter.down.bias, adapter.up.bias):
            assert 0 < bias.abs().max() < 1e-5


@pytest.mark.parametrize(
    ('method', 'number', 'rank'),
    [
        (Adapter(), 12, 96),
        (Adapter(reduction=16), 12, 48),
        (Houlsby(), 24, 96),
        (Houlsby(rank=8), 24, 8),
    ],
)
def test_a_vit_b_gets_as_many_values_as_the_formula_says(method, number, rank):
    formula = number * (2 * rank * 768 + rank + 768)
    assert numel_at_vit_b(method) == formula


def test_an_encoder_without_blocks_is_refused():
    with pytest.raises(ValueError, match=r"\['fc2'\], got ResNet .* without"):
        Adapter().additions(resnet(), None)


def test_a_block_without_attention_is_refused_behind_attention():
    small = small_block('mmpretrain convnext')
    with pytest.raises(ValueError, match=r"\['proj', 'fc2'\], got ConvNeXt"):
        Houlsby().additions(small.model, None)


def test_a_rank_above_the_width_is_refused():
    small = small_block('swin')
    with pytest.raises(ValueError, match='1 to 8, the number of ch.*, got 9'):
        tune(small.model, Adapter(rank=9), losses=[], seed=0)


@pytest.mark.parametrize(
    ('settings', 'legal'),
    [
        (dict(init='zeros'), r"\['near_zero', 'vpt_zero', 'xavier', 'zero_up"),
        (dict(activation='step'), r"\['gelu', 'relu', 'silu'\]"),
        (dict(rank=4, reduction=4), 'one of them'),
        (dict(reduction=0), 'reduction >= 1'),
    ],
)
def test_unknown_settings_are_answered_with_the_legal_ones(settings, legal):
    with pytest.raises(ValueError, match=legal):
        Adapter(**settings)


def test_zeros_that_remain_zeros_are_warned_of():
    model = small_block('torch').model
    (caution,) = Adapter(init='vpt_zero').cautions(model)
    assert 'only the biases' in caution


def test_it_cannot_be_merged():
    small = small_block('vit')
    attach(small.model, Adapter().additions(small.model, None), seed=0)
    with pytest.raises(ValueError, match='not a linear function'):
        merge(small.model)
