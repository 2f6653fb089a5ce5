"""Counts of a config's model, built without weights."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from gps_seg.engine import PeftHook
from gps_seg.engine.reporting.trained_values import (
    TrainedValues,
    count_trained,
)
from gps_seg.peft import GPS, METHODS, Budgeted, LoRA, tune
from gps_seg.runs.counting.counts import (
    Count,
    count_config,
    count_model,
    method_of,
)
from gps_seg.runs.counting.shapes import model_of_shapes
from gps_seg.runs.counting.tables import format_count, markdown_table

ARCH = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
MODEL = dict(
    type='ImageClassifier',
    backbone=dict(type='VisionTransformer', arch=ARCH, img_size=32),
    head=dict(
        type='LinearClsHead',
        in_channels=16,
        num_classes=3,
        loss=dict(type='CrossEntropyLoss'),
    ),
)
TWO = dict(type='gps', k=2)


def config(**others):
    return Config(dict(default_scope='mmpretrain', model=MODEL, **others))


def hook(**method):
    return dict(custom_hooks=[dict(type='PeftHook', method=method)])


def test_counts_by_kind_of_parameter():
    count = count_config(config())
    neurons = 16 + 2 * (3 * 16 + 16 + 32 + 16)
    matrices = 2 * (3 * 16 * 16 + 16 * 16 + 2 * 16 * 32)
    kinds = {kind.kind: kind for kind in count.kinds}
    assert count.encoder == 'VisionTransformer'
    assert kinds['Linear.weight'] == Count(
        'Linear.weight', 8, matrices, neurons - 16, 0
    )
    assert kinds['Linear.bias'][1:] == (8, neurons - 16, 0, neurons - 16)
    assert kinds['Conv2d.weight'][1:] == (1, 16 * 3 * 16 * 16, 16, 0)
    assert kinds['LayerNorm.weight'][1:] == (5, 5 * 16, 0, 0)
    assert kinds['LayerNorm.weight'].frozen == 5 * 16
    assert count.total[3:] == (neurons, neurons)
    assert count.head == Count('head', 2, 3 * 17, 0, 3 * 17)


def test_the_model_has_the_shapes_of_the_real_one_and_no_values():
    shapes = model_of_shapes(config())
    init_default_scope('mmpretrain')
    real = dict(MODELS.build(MODEL).named_parameters())
    found = dict(shapes.named_parameters())
    assert list(found) == list(real)
    assert all(found[name].shape == real[name].shape for name in real)
    dense = [p for p in found.values() if p.ndim == 2]
    assert all(p.is_meta for p in dense)
    # Outside of it PyTorch is as it was.
    assert not nn.Linear(2, 2).weight.is_meta
    assert not torch.empty(2).is_meta


@pytest.mark.filterwarnings('ignore:.*pretrained is a deprecated')
def test_a_config_is_left_as_it_is():
    # A segmentor writes `pretrained` into the config of its backbone.
    head = dict(
        type='FCNHead',
        in_channels=512,
        in_index=3,
        channels=8,
        num_classes=2,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    model = dict(
        type='EncoderDecoder',
        pretrained='not-there.pth',
        backbone=dict(type='ResNet', depth=18),
        decode_head=head,
    )
    segmentor = Config(dict(default_scope='mmseg', model=model))
    before = copy.deepcopy(segmentor.to_dict())
    count_config(segmentor)
    assert segmentor.to_dict() == before


def test_k_encoder_and_rules_are_those_of_the_configs_hook():
    rules = [dict(module='LayerNorm', attribute='weight', role='whole')]
    plain = count_config(config()).total
    own = count_config(config(**hook(type='gps', k=2, rules=rules))).total
    assert own.selected == 2 * plain.selected
    assert own.whole == plain.whole + 5 * 16
    assert count_config(config(), k=3).total.selected == 3 * plain.selected
    assert method_of(config(**hook(type='gps', k=2)), k=3).k == 3


@pytest.mark.parametrize('kind', ['mmengine.PeftHook', PeftHook])
def test_the_hook_is_known_by_any_name(kind):
    hooks = [dict(type='EMAHook'), dict(type=kind, method=TWO)]
    assert method_of(config(custom_hooks=hooks)) == GPS(k=2)


def test_of_two_hooks_none_is_the_one():
    hooks = [dict(type='PeftHook', method=TWO) for _ in range(2)]
    with pytest.raises(ValueError, match='expected one PeftHook, got 2'):
        count_config(config(custom_hooks=hooks))


def test_what_the_config_froze_has_its_own_row():
    model = nn.ModuleDict({'backbone': nn.Linear(3, 2)})
    model['backbone'].bias.requires_grad_(False)
    count = count_model(model, GPS(k=1))
    assert [kind.kind for kind in count.kinds] == [
        'Linear.weight',
        'Linear.bias (frozen by the config)',
    ]
    assert count.total == Count('encoder', 2, 8, 2, 0)
    assert count.head == Count('head', 0, 0, 0, 0)


@pytest.mark.parametrize(
    ('method', 'k', 'message'),
    [
        (dict(type='gps', k=1), 99, r'99'),
        (dict(type='lora'), 1, r"expected keys among .*rank.*got \['k'\]"),
        (dict(type='lora', rank=99), None, r'rank: expected 1 to 16'),
    ],
)
def test_what_cannot_be_counted(method, k, message):
    with pytest.raises(ValueError, match=message):
        count_config(config(**hook(**method)), k)


SETTINGS = {
    'gps': dict(k=2),
    'sift': dict(share=0.05),
    'grft': dict(k=1, unit='row', penalty=0.0, last_blocks=0),
    'adaptformer': dict(rank=4),
    'binary': dict(rank=4),
    'dyt': dict(rank=4, complete=False),
    'mona': dict(rank=4),
    'by_layer': dict(type='gps', share=0.03, scope='layer'),
    'by_column': dict(
        type='grft', k=2, unit='column', penalty=0.0, last_blocks=0
    ),
}


#: What trains is decided by data, or by a library that may be absent.
NOT_FROM_SHAPES = {'spt_lora', 'spt_adapter', 'budgeted', 'peft'}


@pytest.mark.parametrize(
    'name', sorted({*METHODS, *SETTINGS} - NOT_FROM_SHAPES)
)
def test_counts_are_those_of_a_tuned_model(name):
    """By data on the one hand, from shapes alone on the other."""
    settings = {'type': name, **SETTINGS.get(name, {})}
    counted = count_config(config(**hook(**settings)))
    init_default_scope('mmpretrain')
    model = MODELS.build(MODEL).train()
    images = torch.randn(2, 3, 32, 32)

    def loss():
        return model.extract_feat(images)[-1].square().sum()

    tuned = tune(model, method_of(config(**hook(**settings))), [loss], seed=0)
    expected = count_trained(model, 'backbone', tuned)
    assert counted.trained == expected
    assert counted.model.trained == expected.trained == counted.trained.trained
    assert counted.model.entries == expected.total
    assert counted.open == ()


def test_lora_by_hand():
    method = dict(type='lora', rank=3, on=['q', 'fc2'])
    count = count_config(config(**hook(**method)))
    added = 2 * 3 * ((16 + 16) + (32 + 16))
    assert count.added == (Count('low_rank (added)', 8, added, 0, added),)
    assert count.trained.added == added
    assert count.encoder_share == added / count.total.entries
    assert f'added {added}' in ' '.join(format_count(count).split())
    page = markdown_table([('a.py', count)])
    assert ' | added | ' in page and f' | {added:,} | ' in page


def test_what_the_scores_spread_is_known_as_a_sum():
    method = dict(type='gps', share=0.1, scope='network')
    count = count_config(config(**hook(**method)))
    weights = 16 * 3 * 16 * 16 + 2 * (4 * 16 * 16 + 2 * 16 * 32)
    assert count.trained.connections == round(0.1 * weights)
    (sentence,) = count.open
    assert f'{round(0.1 * weights):,} connections' in sentence
    assert format_count(count).endswith(sentence)


def test_what_only_data_decides_is_said_to_be_open():
    """A budget may be far below all that could be added."""
    method = dict(type='spt_lora', budget=100, rank=2)
    count = count_config(config(**hook(**method)))
    (sentence,) = count.open
    assert '100 at most' in sentence
    assert count.added == ()
    assert count.trained.trained == 16 + 3 * 17  # class token, and head


def test_a_budget_is_named_and_what_it_may_be_spent_on_is_not_counted():
    model = nn.ModuleDict({'backbone': nn.MultiheadAttention(8, 2)})
    method = Budgeted(of=LoRA(rank=2), budget=40)
    count = count_model(model, method)
    assert count.trained.added == 0
    (sentence,) = count.open
    assert '40 at most' in sentence


def test_what_trains_adds_up():
    """Norm weights that a rule adds are neither connections nor biases."""
    rules = [dict(module='LayerNorm', attribute='weight', role='whole')]
    count = count_config(config(**hook(type='gps', k=2, rules=rules)))
    neurons = 16 + 2 * (3 * 16 + 16 + 32 + 16)
    assert count.trained == TrainedValues(
        connections=2 * neurons,
        biases=neurons,
        head=3 * 17,
        other=5 * 16,
        total=count.model.entries,
    )
    assert count.trained.trained == count.model.trained
    parameters = model_of_shapes(config()).parameters()
    assert count.model.entries == sum(p.numel() for p in parameters)


def test_packed_biases_of_attention_are_biases():
    model = nn.ModuleDict({'backbone': nn.MultiheadAttention(4, 2)})
    count = count_model(model, GPS(k=1))
    assert count.trained == TrainedValues(16, 16, 0, 0, total=80)


def test_tables():
    model = nn.ModuleDict(
        {'backbone': nn.Linear(300, 10), 'head': nn.Linear(10, 2)}
    )
    count = count_model(model, GPS(k=2))
    assert format_count(count).splitlines() == [
        'kind           tensors  values  trained  frozen',
        'Linear.weight        1   3,000       20   2,980',
        'Linear.bias          1      10       10       0',
        'encoder              2   3,010       30   2,980',
        'head                 2      22       22       0',
        'model                4   3,032       52   2,980',
        '',
        'trained      values   share',
        'connections      20  0.66 %',
        'biases           10  0.33 %',
        'head             22  0.73 %',
        'together         52  1.72 %',
        '',
        'Shares are of all 3,032 values of the model. In the encoder alone',
        '(Linear) 0.997 % trains.',
    ]
    assert markdown_table([('a.py', count)]).splitlines()[2] == (
        '| `a.py` | Linear | 3,010 | 20 | 10 | 0.997 % |'
    )
