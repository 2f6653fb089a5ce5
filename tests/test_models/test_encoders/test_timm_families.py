"""The encoders of timm that people name train with GPS, unchanged."""

import copy

import pytest
import torch
from bits import other_bits
from mmengine.dataset import InfiniteSampler, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules
from timm_models import FAMILIES, needs_timm
from torch import nn
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd
from torch.utils.data import DataLoader
from zoo import Pairs

from gps_seg.delta import Delta, apply, extract, revert
from gps_seg.engine import PeftHook
from gps_seg.peft import GPS, tune
from gps_seg.sparse import Role

pytestmark = pytest.mark.optional

#: Entries of one connection per neuron, and biases, at full size: a ViT of
#: width d and depth n has d neurons in its patches and 9 d in each block.
FULL_SIZE = {
    'vit_small_patch14_dinov2': (41_856, 41_856),
    'vit_small_patch16_dinov3': (41_856, 41_856 - 12 * 3 * 384),
    'vit_base_patch16_siglip_256': (83_712, 83_712),
    'samvit_base_patch16': (83_712, 83_712),
    # Its MLP has a gate, and a width of 8 / 3; keys have no bias.
    'eva02_tiny_patch14_224': (
        192 + 12 * (4 * 192 + 2 * 512 + 192),
        192 + 12 * (3 * 192 + 2 * 512 + 192),
    ),
}


@pytest.fixture(autouse=True)
def timm():
    return needs_timm()


class Segmentor(nn.ModuleDict):
    """An encoder and one linear layer, in plain torch."""

    def __init__(self, family):
        init_default_scope('mmseg')
        heads = [nn.Conv2d(width, 2, 1) for width in family.widths]
        super().__init__(
            {
                'backbone': MODELS.build(family.backbone),
                'heads': nn.ModuleList(heads),
            }
        )

    def forward(self, x):
        maps = self['backbone'](x)
        outputs = [
            functional.interpolate(head(each), x.shape[2:])
            for head, each in zip(self['heads'], maps, strict=True)
        ]
        return sum(outputs)


def neurons_and_biases(backbone):
    """By the shapes of layers: neurons, and values of their biases."""
    neurons = biases = 0
    for module in backbone.modules():
        if isinstance(module, nn.Linear):
            neurons += module.out_features
        elif isinstance(module, _ConvNd):
            neurons += module.out_channels
        else:
            separate = (getattr(module, n, None) for n in ('q_bias', 'v_bias'))
            biases += sum(b.numel() for b in separate if b is not None)
            continue
        biases += 0 if module.bias is None else module.bias.numel()
    return neurons, biases


def num_whole(roles, model):
    """Number of values in the encoder's tensors that train whole."""
    return sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if name.startswith('backbone.') and roles[name] is Role.WHOLE
    )


@pytest.mark.parametrize('name', FAMILIES)
def test_two_steps_and_back(name, tmp_path):
    family = FAMILIES[name]
    model = Segmentor(family)
    base = copy.deepcopy(model)
    x = torch.randn(2, 3, family.side, family.side)
    labels = torch.randint(2, (2, family.side, family.side))

    def loss():
        return functional.cross_entropy(model(x), labels)

    method = GPS(k=1)
    roles = method.roles(model)
    tuned = tune(model, method, losses=[loss], seed=0)
    selection = tuned.state_dict()['indices']
    found = sum(map(len, selection.values())), num_whole(roles, model)
    assert found == neurons_and_biases(base['backbone'])
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    tuned.attach(optimizer)
    for _ in range(2):
        with tuned.compressing():
            loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    check_what_moved(model, roles, selection, base)
    check_delta(model, base, tmp_path / 'delta.safetensors')


def check_what_moved(model, roles, selection, base):
    before, num_moved = dict(base.named_parameters()), 0
    for name, parameter in model.named_parameters():
        moved = other_bits(before[name], parameter)
        if roles[name] is Role.FROZEN:
            assert not moved.any(), name
        elif roles[name] is Role.SELECTED:
            places = moved.flatten().nonzero().flatten()
            assert torch.isin(places, selection[name]).all(), name
            num_moved += len(places)
    assert num_moved > 0.9 * sum(map(len, selection.values()))


def check_delta(model, base, path):
    """The encoder's base and a file give the trained model, and back."""
    start, end = copy.deepcopy(base.state_dict()), model.state_dict()
    encoder = {n: t for n, t in start.items() if n.startswith('backbone.')}
    extract(encoder, end).save(path)
    apply(base, Delta.load(path))
    check_bits(base.state_dict(), end)
    revert(base)
    check_bits(base.state_dict(), start)


def check_bits(state, expected):
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        assert not other_bits(tensor, expected[name]).any(), name


@pytest.mark.parametrize('name', FULL_SIZE)
def test_one_entry_and_one_bias_per_neuron_at_full_size(name):
    settings = dict(type='TimmFeatures', model_name=name, out_indices=(11,))
    init_default_scope('mmseg')
    with torch.device('meta'):
        model = nn.ModuleDict({'backbone': MODELS.build(settings)})
    roles = GPS(k=1).roles(model)
    sizes = {
        role: sum(
            parameter.shape[0] if role is Role.SELECTED else parameter.numel()
            for name, parameter in model.named_parameters()
            if roles[name] is role
        )
        for role in (Role.SELECTED, Role.WHOLE)
    }
    assert tuple(sizes.values()) == FULL_SIZE[name]


def test_a_runner_trains_one_with_the_hook(tmp_path, no_pictures):
    register_all_modules()
    init_default_scope('mmseg')
    family = FAMILIES['dinov3']
    size = (family.side,) * 2
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor', size=size),
            backbone=family.backbone,
            decode_head=dict(
                type='FCNHead',
                num_convs=1,
                kernel_size=1,
                concat_input=False,
                in_channels=list(family.widths),
                in_index=[0, 1],
                input_transform='resize_concat',
                channels=8,
                num_classes=2,
                norm_cfg=dict(type='BN'),
                loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
            ),
            train_cfg={},
            test_cfg=dict(mode='whole'),
        )
    )
    base = copy.deepcopy(model)
    data, hook = Pairs(2, family.side), PeftHook(method=dict(type='gps', k=1))
    runner = Runner(
        model,
        str(tmp_path),
        train_dataloader=DataLoader(
            data,
            batch_size=2,
            sampler=InfiniteSampler(data, seed=0),
            collate_fn=pseudo_collate,
        ),
        train_cfg=dict(by_epoch=False, max_iters=2),
        optim_wrapper=dict(
            type='PeftOptimWrapper', optimizer=dict(type='AdamW', lr=0.01)
        ),
        custom_hooks=[hook],
        default_hooks=dict(checkpoint=None),
        randomness=dict(seed=0),
        default_scope='mmseg',
        experiment_name=tmp_path.name,
    )
    runner.train()
    neurons, _ = neurons_and_biases(base.backbone)
    assert hook.selection.num_selected == neurons
    check_what_moved(runner.model, hook.roles, hook.selection, base)
