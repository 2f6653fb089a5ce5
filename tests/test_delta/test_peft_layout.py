"""LoRA as the PEFT library writes it, against the sum of its updates."""

import copy
import re

import pytest
import torch
from torch import nn

from gps_seg.additions import Added, Place, Plan, attach, is_added
from gps_seg.delta import DeltaInfo, apply, extract
from gps_seg.delta.peft_layout import peft_adapter

QKV, FC = 'backbone.qkv.weight', 'backbone.fc.weight'


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.qkv = nn.Linear(4, 12)
        self.backbone.fc = nn.Linear(4, 6)
        self.backbone.attn = nn.MultiheadAttention(4, 2)
        self.head = nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2))


def low_rank(place, rank=2, scale=0.5, dropout=0.0):
    settings = {'rank': rank, 'scale': scale, 'dropout': dropout}
    return Added('low_rank', place, settings)


def task(model, *added, also=()):
    """Delta with these additions, a new head, and other changed tensors."""
    plan = Plan(added)
    tuned = attach_randomly(copy.deepcopy(model), plan)
    with torch.no_grad():
        for name, tensor in tuned.state_dict().items():
            if name in also:
                tensor += 1
    state = model.state_dict()
    base = {n: t for n, t in state.items() if not n.startswith('head.')}
    info = DeltaInfo(added=plan.to_json())
    return extract(base, tuned.state_dict(), info), tuned


def attach_randomly(model, plan):
    attach(model, plan, seed=0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_added(name) or name.startswith('head.'):
                parameter.copy_(torch.randn(parameter.shape))
        model.head[1].running_mean += 3
    return model


def adapter_of(model, delta):
    applied = copy.deepcopy(model)
    apply(applied, delta)
    return peft_adapter(applied, delta)


def update(adapter, host):
    """``alpha / r * B A`` by the rules of the library, written down anew."""
    config, tensors = adapter

    def of(pattern, default):
        for key, value in config[pattern].items():
            if re.match(rf'(.*\.)?({key})$', host):
                return value
        return config[default]

    a, b = (
        tensors[f'base_model.model.{host}.lora_{name}.weight'] for name in 'AB'
    )
    assert len(a) == of('rank_pattern', 'r')
    assert host in config['target_modules']
    return of('alpha_pattern', 'lora_alpha') / len(a) * b @ a


def test_updates_of_some_rows_become_one_of_the_whole_weight():
    model = Small()
    delta, tuned = task(
        model,
        low_rank(Place(QKV, (0, 4)), rank=2, scale=0.5),
        low_rank(Place(QKV, (8, 12)), rank=3, scale=2.0),
        low_rank(Place(FC), rank=1, scale=4.0),
    )
    adapter = adapter_of(model, delta)
    state = tuned.state_dict()
    added = 'backbone.qkv.added.low_rank'
    expected = torch.zeros(12, 4)
    for rows, scale in (((0, 4), 0.5), ((8, 12), 2.0)):
        name = f'{added}_{rows[0]}_{rows[1]}'
        product = state[f'{name}.b'] @ state[f'{name}.a']
        expected[slice(*rows)] = scale * product
    torch.testing.assert_close(update(adapter, 'backbone.qkv'), expected)
    fc = 'backbone.fc.added.low_rank'
    expected = 4 * state[f'{fc}.b'] @ state[f'{fc}.a']
    torch.testing.assert_close(update(adapter, 'backbone.fc'), expected)


def test_the_head_is_saved_whole_with_its_buffers():
    model = Small()
    delta, tuned = task(model, low_rank(Place(FC)))
    config, tensors = adapter_of(model, delta)
    assert config['modules_to_save'] == ['head']
    head = {
        name.removeprefix('base_model.model.head.'): tensor
        for name, tensor in tensors.items()
        if '.head.' in name
    }
    expected = tuned.head.state_dict()
    assert head.keys() == expected.keys() and '1.running_mean' in head
    assert all(torch.equal(head[n], expected[n]) for n in expected)


def test_the_dropout_is_told_if_all_updates_have_it():
    model = Small()
    delta, _ = task(model, low_rank(Place(FC), dropout=0.25))
    assert adapter_of(model, delta).config['lora_dropout'] == 0.25
    delta, _ = task(
        model, low_rank(Place(FC), dropout=0.25), low_rank(Place(QKV))
    )
    assert adapter_of(model, delta).config['lora_dropout'] == 0


ATTENTION = 'backbone.attn'


@pytest.mark.parametrize(
    ('added', 'also', 'words'),
    [
        ((), (), 'got one that adds nothing'),
        ((Added('scale_inputs', Place(FC)),), (), 'got scale_inputs'),
        (
            (low_rank(Place(f'{ATTENTION}.in_proj_weight', (0, 4))),),
            *((), f'got one of nn.MultiheadAttention \\({ATTENTION}\\)'),
        ),
        (
            (low_rank(Place(f'{ATTENTION}.out_proj.weight')),),
            *((), 'got one of nn.MultiheadAttention'),
        ),
        (
            (low_rank(Place(FC)),),
            *(('backbone.fc.bias',), 'a change of backbone.fc.bias'),
        ),
    ],
)
def test_what_the_library_cannot_express_is_refused(added, also, words):
    model = Small()
    delta, _ = task(model, *added, also=also)
    with pytest.raises(ValueError, match=f'peft: expected .*{words}'):
        adapter_of(model, delta)
