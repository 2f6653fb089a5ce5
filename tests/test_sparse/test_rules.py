"""Roles come from module types, never from names."""

import re

import pytest
import torch
from torch import nn

from gps_seg.sparse import GPS_RULES, Role, Rule, gps_roles
from gps_seg.sparse.gps_rules import rules_from_config


class BEiTAttention(nn.Module):
    """As in MMSegmentation and MMPretrain: bias of a packed projection."""

    def __init__(self):
        super().__init__()
        self.q_bias = nn.Parameter(torch.zeros(8))
        self.v_bias = nn.Parameter(torch.zeros(8))
        self.qkv = nn.Linear(8, 24, bias=False)


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_bias = nn.Parameter(torch.zeros(8))
        self.weight = nn.Parameter(torch.zeros(8))


class MyNorm(nn.LayerNorm):
    pass


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(9, 2))
        self.norm_proj = nn.Linear(8, 8)  # a Linear, whatever it is called
        self.bias = nn.LayerNorm(8)  # a norm, whatever it is called
        self.norm = MyNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, add_bias_kv=True)
        self.split = BEiTAttention()
        self.scale = Scale()
        self.stem = nn.Conv2d(3, 8, 2, bias=False)
        self.up = nn.ConvTranspose2d(8, 8, 2)
        self.batch = nn.BatchNorm2d(8)
        self.words = nn.Embedding(5, 8)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Encoder()
        self.decode_head = nn.Sequential(nn.Conv2d(8, 2, 1), nn.BatchNorm2d(2))


def roles_with(*rows, model=None):
    return gps_roles(model or Model(), 'backbone', rules_from_config(rows))


def row(module, attribute, role):
    return dict(module=module, attribute=attribute, role=role)


def test_every_kind_of_parameter():
    roles = gps_roles(Model(), 'backbone')
    selected = {n for n, role in roles.items() if role is Role.SELECTED}
    whole = {n for n, role in roles.items() if role is Role.WHOLE}
    assert selected == {
        'backbone.norm_proj.weight',
        'backbone.attention.in_proj_weight',
        'backbone.attention.out_proj.weight',
        'backbone.split.qkv.weight',
        'backbone.stem.weight',
        'backbone.up.weight',
    }
    assert whole == {
        'backbone.norm_proj.bias',
        'backbone.attention.in_proj_bias',
        'backbone.attention.out_proj.bias',
        'backbone.split.q_bias',
        'backbone.split.v_bias',
        'backbone.up.bias',
        'decode_head.0.weight',
        'decode_head.0.bias',
        'decode_head.1.weight',
        'decode_head.1.bias',
    }
    assert list(roles) == [name for name, _ in Model().named_parameters()]


def test_what_the_config_froze_stays_frozen():
    model = Model()
    model.backbone.norm_proj.requires_grad_(False)
    model.decode_head[0].weight.requires_grad_(False)
    roles = gps_roles(model, 'backbone')
    assert roles['backbone.norm_proj.weight'] is Role.FROZEN
    assert roles['backbone.norm_proj.bias'] is Role.FROZEN
    assert roles['decode_head.0.weight'] is Role.FROZEN


def test_separate_query_key_and_value_weights_are_selected():
    model = Model()
    model.backbone.attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=6)
    roles = gps_roles(model, 'backbone')
    for letter in 'qkv':
        name = f'backbone.attention.{letter}_proj_weight'
        assert roles[name] is Role.SELECTED


def test_an_unknown_encoder_lists_the_children():
    with pytest.raises(ValueError, match=r"'bacbone'.*'backbone', 'decode_"):
        gps_roles(Model(), 'bacbone')


def test_a_row_changes_the_roles_that_it_is_about_and_no_other():
    plain = gps_roles(Model(), 'backbone')
    roles = roles_with(
        row('LayerNorm', 'weight', 'whole'),
        row('Linear', 'bias', 'frozen'),
        row('Encoder', 'relative_position_bias_table', 'selected'),
    )
    changed = {n: r for n, r in roles.items() if r is not plain[n]}
    assert changed == {
        'backbone.bias.weight': Role.WHOLE,
        'backbone.norm.weight': Role.WHOLE,  # of a class that inherits
        'backbone.norm_proj.bias': Role.FROZEN,
        'backbone.attention.out_proj.bias': Role.FROZEN,
        'backbone.relative_position_bias_table': Role.SELECTED,
    }


def test_the_first_row_that_matches_decides():
    roles = roles_with(
        row('MyNorm', 'weight', 'frozen'), row('LayerNorm', 'weight', 'whole')
    )
    assert roles['backbone.norm.weight'] is Role.FROZEN
    assert roles['backbone.bias.weight'] is Role.WHOLE


def test_rows_put_on_later_lie_on_top():
    table = GPS_RULES.extended(Rule(nn.LayerNorm, 'weight', Role.WHOLE))
    table = table.extended(Rule(MyNorm, 'weight', Role.FROZEN))
    roles = gps_roles(Model(), 'backbone', table)
    assert roles['backbone.norm.weight'] is Role.FROZEN
    assert roles['backbone.bias.weight'] is Role.WHOLE
    assert GPS_RULES.own == ()


@pytest.mark.parametrize(
    ('rows', 'culprit'),
    [
        ([row('LayrNorm', 'weight', 'whole')], 'LayrNorm.weight -> whole'),
        ([row('LayerNorm', 'gamma', 'whole')], 'LayerNorm.gamma -> whole'),
        # Under another row there is nothing left for it.
        (
            [
                row('LayerNorm', 'bias', 'whole'),
                row('MyNorm', 'bias', 'frozen'),
            ],
            'MyNorm.bias -> frozen',
        ),
        # Outside the encoder everything trains whole.
        ([row('Sequential', 'weight', 'whole')], 'Sequential.weight'),
    ],
)
def test_a_row_that_decides_nothing_is_an_error(rows, culprit):
    with pytest.raises(ValueError, match=re.escape(culprit)) as caught:
        roles_with(*rows)
    # The message says what there is to decide about, and nothing else.
    assert "'MyNorm.bias', 'MyNorm.weight'" in str(caught.value)
    assert 'BatchNorm2d.bias' in str(caught.value)
    assert 'Sequential.' not in str(caught.value).split('The trainable')[1]


def test_a_row_about_what_the_config_froze_is_an_error():
    model = Model()
    model.backbone.words.requires_grad_(False)
    with pytest.raises(ValueError, match=r'Embedding.weight -> whole'):
        roles_with(row('Embedding', 'weight', 'whole'), model=model)


def test_entries_are_selected_in_tensors_of_connections_only():
    with pytest.raises(
        ValueError, match=r"'selected'.*shape \(8,\) \(backbone.scale.weight\)"
    ):
        roles_with(row('Scale', 'weight', 'selected'))


@pytest.mark.parametrize(
    ('wrong', 'expected'),
    [
        (row('nn.LayerNorm', 'weight', 'whole'), "'nn.LayerNorm' (module)"),
        (row('LayerNorm', 'a.b', 'whole'), "'a.b' (attribute)"),
        (row(nn.LayerNorm, 'weight', 'whole'), 'bare name of a class'),
        (
            row('LayerNorm', 'weight', 'train'),
            "among ['selected', 'whole', 'frozen'], got 'train'",
        ),
        (dict(module='LayerNorm', role='whole'), "module='LayerNorm', attr"),
        ({**row('Linear', 'bias', 'whole'), 'k': 1}, "'k': 1"),
        ('LayerNorm', "got 'LayerNorm'"),
    ],
)
def test_a_row_that_is_no_row_is_an_error(wrong, expected):
    with pytest.raises(ValueError, match=re.escape(expected)):
        rules_from_config([wrong])
