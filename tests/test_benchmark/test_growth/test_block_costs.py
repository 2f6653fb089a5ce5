"""The formulas against what autograd saves and what torch multiplies."""

from typing import NamedTuple

import pytest
import torch
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gps_seg.benchmark.counters import saved_bytes as count_saved
from gps_seg.benchmark.growth.block_costs import (
    ALL_COLUMNS,
    BIAS,
    FULL,
    Block,
    Maps,
    columns_used,
    forward_flops,
    gps,
    lora,
    lora_values,
    saved_bytes,
    saved_parts,
    step_flops,
)
from gps_seg.peft import METHODS, Trainable, build_method, tune
from gps_seg.sparse import Selection, gps_roles

SIDE, PATCH, WIDTH, HEADS = 48, 8, 32, 2
HIDDEN = 4 * WIDTH
TOKENS = (SIDE // PATCH) ** 2 + 1
SHALLOW, DEEP = 1, 3
BLOCK = Block(TOKENS, WIDTH, HEADS, HIDDEN)
LARGE = Block(TOKENS, WIDTH, HEADS, HIDDEN, gated=True, layer_scale=True)
#: Columns of each map in which entries are selected; the rest has none.
COLUMNS = Maps(qkv=3, proj=5, fc1=9, fc2=20)
#: The same, but so many in qkv, proj and fc2 that all inputs are kept.
MANY = Maps(qkv=WIDTH - 1, proj=WIDTH, fc1=9, fc2=HIDDEN)
RANK = 2


class Case(NamedTuple):
    """A method by its formula, and how the model is tuned."""

    method: object
    name: str
    columns: Maps | None = None


def shares(columns, block=BLOCK):
    pairs = zip(columns, block.maps, strict=True)
    return Maps(*(number / fan_in for number, (_, fan_in) in pairs))


CASES = {
    'bias': Case(BIAS, 'bias'),
    'full': Case(FULL, 'full'),
    'lora': Case(lora(RANK), 'lora'),
    'gps': Case(gps(shares(COLUMNS)), 'gps', COLUMNS),
    'gps, many columns': Case(gps(shares(MANY)), 'gps', MANY),
}


def encoder(depth, block=BLOCK):
    """A ViT of MMPretrain, whose maps are named like those of the formula."""
    register_all_modules()
    torch.manual_seed(0)
    shape = dict(
        embed_dims=WIDTH,
        num_layers=depth,
        num_heads=HEADS,
        feedforward_channels=HIDDEN,
    )
    layers = {'ffn_type': 'swiglu_fused'} if block.gated else {}
    model = MODELS.build(
        dict(
            type='mmpretrain.VisionTransformer',
            arch=shape,
            img_size=SIDE,
            patch_size=PATCH,
            out_type='featmap',
            layer_scale_init_value=1.0 if block.layer_scale else 0.0,
            layer_cfgs=layers,
        )
    )
    model.train()
    return model


def tuned(depth, case, dtype, block=BLOCK):
    model = nn.ModuleDict({'backbone': encoder(depth, block)}).to(dtype)
    if case.columns is not None:
        selection = selected(model, depth, case.columns)
        return model, Trainable(model, gps_roles(model, 'backbone'), selection)
    options = {'lora': {'rank': RANK, 'on': ['all']}}.get(case.name, {})
    method = build_method({'type': case.name, **options}, METHODS)
    return model, tune(model, method, [], seed=0)


def selected(model, depth, columns):
    """One entry per row, in the first columns in turn."""
    names = ('attn.qkv', 'attn.proj', 'ffn.layers.0.0', 'ffn.layers.1')
    indices, shapes = {}, {}
    for number in range(depth):
        for name, of_map in zip(names, columns, strict=True):
            full = f'backbone.layers.{number}.{name}.weight'
            out, fan_in = model.get_parameter(full).shape
            row = torch.arange(max(out, of_map))
            flat = (row % out) * fan_in + row % of_map
            indices[full] = flat.unique()
            shapes[full] = (out, fan_in)
    return Selection(indices, shapes)


def forward(model, trainable, dtype):
    images = torch.zeros(1, 3, SIDE, SIDE, dtype=dtype)
    with trainable.compressing():
        return model['backbone'](images)[0].sum()


def counted_bytes(depth, case, dtype, block):
    model, trainable = tuned(depth, case, dtype, block)
    return count_saved(lambda: forward(model, trainable, dtype))


def check_saved(case, dtype, value, block=BLOCK):
    low, high = (
        counted_bytes(depth, case, dtype, block) for depth in (SHALLOW, DEEP)
    )
    counted = (high - low) / (DEEP - SHALLOW)
    formula = saved_bytes(block, case.method, value)
    assert formula == pytest.approx(counted, rel=0.02)


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize(
    ('dtype', 'value'), [(torch.float32, 4), (torch.bfloat16, 2)]
)
def test_saved_bytes_are_those_that_are_counted(name, dtype, value):
    check_saved(CASES[name], dtype, value)


@pytest.mark.parametrize('name', ['bias', 'full'])
def test_a_gated_mlp_and_layer_scale_save_what_is_counted(name):
    hidden = encoder(1, LARGE).layers[0].ffn.w3.in_features
    block = Block(TOKENS, WIDTH, HEADS, hidden, gated=True, layer_scale=True)
    check_saved(CASES[name], torch.float32, 4, block)


def counted_flops(depth, case):
    model, trainable = tuned(depth, case, torch.float32)
    # The fused kernels of CPUs are unknown to the counter.
    with (
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        forward(model, trainable, torch.float32).backward()
    return counter.get_total_flops()


@pytest.mark.parametrize('name', CASES)
def test_operations_are_those_that_are_counted(name):
    low, high = (counted_flops(d, CASES[name]) for d in (SHALLOW, DEEP))
    formula = step_flops(BLOCK, CASES[name].method, attention_backward=2)
    assert formula == pytest.approx((high - low) / (DEEP - SHALLOW), rel=0.02)


def test_operations_of_the_forward_pass_by_hand():
    products = TOKENS * WIDTH * (3 * WIDTH + WIDTH + 2 * HIDDEN)
    attention = 2 * TOKENS * TOKENS * WIDTH
    assert forward_flops(BLOCK) == 2 * (products + attention)


def test_few_columns_are_counted_and_many_are_all():
    used = columns_used(BLOCK, Maps(0.25, 0.75, 0.8, 0.0))
    assert used == (8, 24, 32, 0)
    assert columns_used(BLOCK, ALL_COLUMNS) == (WIDTH, WIDTH, WIDTH, HIDDEN)


def test_recomputing_keeps_nothing_of_the_mlp_and_costs_one_product():
    plain = saved_parts(BLOCK, FULL)
    again = saved_parts(BLOCK, FULL, recompute=True)
    gone = {name for name in plain if plain[name] != again[name]}
    assert gone == {
        'input of the activation',
        'input of fc1',
        'input of fc2',
    }
    assert sum(plain.values()) - sum(again.values()) == WIDTH + 2 * HIDDEN
    more = step_flops(BLOCK, FULL, recompute=True) - step_flops(BLOCK, FULL)
    assert more == 2 * TOKENS * WIDTH * HIDDEN


def test_values_of_lora_are_those_of_the_method():
    _, trainable = tuned(1, CASES['lora'], torch.float32)
    trained = sum(p.numel() for _, p in trainable.named_parameters())
    assert lora_values(BLOCK, RANK) == trained
