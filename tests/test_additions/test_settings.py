"""Settings of a stranger's file are refused before anything is computed."""

import pytest
import torch
from torch import nn

from gps_seg.additions import Added, Place, Plan, attach

BLOCK = {'norm': 'norm', 'mlp': None, 'axis': -1}
BOTTLENECK = {
    'width': 4,
    'rank': 2,
    'scale': 1.0,
    'dropout': 0.0,
    'activation': 'relu',
    'stream': BLOCK,
}
PROMPTS = {'shape': [3, 4], 'prefix': 1, 'bound': 0.5, 'dropout': 0.0}
WINDOW = {
    'shape': [3, 4],
    'bound': 0.5,
    'norm': 'norm',
    'attention': 'fc',
    'dropout': 0.0,
}
FACTORS = {'width': 4, 'rank': 2, 'scale': 1.0, 'core': False}
REFINEMENT = {
    'blocks': ['fc', 'norm'],
    'widths': [4, 4],
    'layouts': ['tokens', 'tokens'],
    'tokens': 3,
    'rank': 2,
    'prefix': 0,
    'scale': 0.1,
}
QUANTIZED = {
    'width': 4,
    'rank': 2,
    'bits': 1,
    'scale': 1.0,
    'dropout': 0.0,
    'stream': BLOCK,
}
SELECTION = {'mlps': ['fc'], 'width': 4, 'prefix': 1, 'rate': 0.5}
LOW_RANK = {'rank': 2, 'scale': 1.0, 'dropout': 0.0}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.fc = nn.Linear(4, 4)


def plan(kind, place, settings, **changes):
    return Plan([Added(kind, Place(place), {**settings, **changes})])


WRONG = [
    ('low_rank', 'fc.weight', LOW_RANK, {'rank': True}),
    ('low_rank', 'fc.weight', LOW_RANK, {'rank': 2.0}),
    ('low_rank', 'fc.weight', LOW_RANK, {'scale': 'x'}),
    ('low_rank', 'fc.weight', LOW_RANK, {'scale': {}}),
    ('low_rank', 'fc.weight', LOW_RANK, {'scale': float('nan')}),
    ('low_rank', 'fc.weight', LOW_RANK, {'scale': 10**400}),
    ('low_rank', 'fc.weight', LOW_RANK, {'shape': [4, 4]}),
    ('low_rank', 'fc.weight', LOW_RANK, {'self': 1}),
    ('prompts', '', PROMPTS, {'prefix': '1'}),
    ('prompts', '', PROMPTS, {'shape': [3, 4, 5]}),
    ('prompts', '', PROMPTS, {'shape': [2**63, 4]}),
    ('prompts', '', PROMPTS, {'bound': 10**400}),
    ('window_prompts', '', WINDOW, {'norm': 0.5}),
    ('window_prompts', '', WINDOW, {'norm': 'nowhere'}),
    ('window_prompts', '', WINDOW, {'attention': 'norm'}),
    ('stream_bottleneck', '', BOTTLENECK, {'stream': {**BLOCK, 'mlp': 3}}),
    ('stream_bottleneck', '', BOTTLENECK, {'stream': {**BLOCK, 'x': 3}}),
    ('stream_bottleneck', '', BOTTLENECK, {'stream': {**BLOCK, 'mlp': '?'}}),
    (
        'stream_bottleneck',
        '',
        BOTTLENECK,
        {'stream': {**BLOCK, 'axis': 7}},
    ),
    ('quantized_bottleneck', '', QUANTIZED, {'bits': -1}),
    ('quantized_bottleneck', '', QUANTIZED, {'bits': 40}),
    ('token_refinement', '', REFINEMENT, {'blocks': ['fc', 'nowhere']}),
    ('token_selection', '', SELECTION, {'mlps': ['nowhere']}),
    ('shared_low_rank', '', FACTORS, {'maps': [['fc.weight', '4', 4]]}),
    ('shared_low_rank', '', FACTORS, {'maps': [['nowhere.weight', 4, 4]]}),
    (
        'shared_low_rank',
        '',
        FACTORS,
        {'maps': [['fc.weight', 4, 4], ['nowhere.weight', 4, 4]]},
    ),
]


@pytest.mark.parametrize(('kind', 'place', 'settings', 'changes'), WRONG)
def test_a_wrong_setting_is_refused_in_one_line(
    kind, place, settings, changes
):
    model = Block()
    names = list(model.state_dict())
    wrong = plan(kind, place, settings, **changes)
    with pytest.raises(ValueError, match=f'^{kind}: ') as refusal:
        attach(model, wrong, seed=0)
    assert '\n' not in str(refusal.value)
    assert list(model.state_dict()) == names
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


@pytest.mark.parametrize('rank', [1, 2])
def test_a_whole_number_will_do_for_a_real_one(rank):
    model = Block()
    attach(model, plan('low_rank', 'fc.weight', LOW_RANK, scale=rank), seed=0)
    assert model.fc(torch.zeros(1, 4)).shape == (1, 4)
