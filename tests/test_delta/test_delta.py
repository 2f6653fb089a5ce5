"""A delta that is not well-formed cannot be built."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open

from gps_seg.delta import Delta, DeltaInfo, extract
from gps_seg.delta.change import Change
from gps_seg.delta.values import Coded, Exact

ONE = Change(torch.Size([3]), torch.float32, Exact(torch.ones(3)))


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'shape': torch.Size([4])}, 'values: expected 4, got 3'),
        ({'dtype': torch.complex64}, 'dtype: expected one of'),
        ({'dtype': torch.int32}, 'values: expected torch.int32'),
        ({'dtype': torch.float16}, 'values: expected torch.float16'),
        ({'indices': torch.tensor([0, 1, 2])}, 'base: expected a digest'),
        (
            {'indices': torch.tensor([0, 1, 3]), 'base': ''},
            r'indices: expected values in \[0, 3\)',
        ),
        (
            {'indices': torch.tensor([0, 2, 1]), 'base': ''},
            'strictly increasing',
        ),
        (
            {
                'values': Coded(torch.zeros(3), torch.zeros(2), 1),
                'dtype': torch.int32,
            },
            'codes for a tensor of floating point',
        ),
        (
            {'values': Exact(torch.tensor([1, 2, float('nan')]))},
            'expected finite',
        ),
    ],
)
def test_bad_changes_name_the_tensor(fields, message):
    with pytest.raises(ValueError, match=rf'{message}(.|\n)*\(?x\.y'):
        Delta({'x.y': replace(ONE, **fields)})


def test_names_are_sorted_and_cannot_be_added(delta):
    turned = Delta(dict(reversed(delta.changes.items())))
    assert list(turned.changes) == sorted(delta.changes)
    with pytest.raises(TypeError):
        turned.changes['x'] = ONE


def test_a_delta_is_a_copy(base, tuned):
    from gps_seg.delta import extract, merged_state

    delta = extract(base, tuned)
    before = tuned['head.weight'].clone()
    tuned['head.weight'] += 1
    merged = merged_state(base, delta)
    assert torch.equal(merged['head.weight'], before)


def test_a_part_keeps_the_facts(delta):
    part = delta.restricted(lambda name: name.startswith('backbone.'))
    assert 0 < len(part.changes) < len(delta.changes)
    assert part.info is delta.info


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('classes', 'polyp'),
        ('classes', [1]),
        ('palette', [(0, 0)]),
        ('palette', [(0, 0, 256)]),
        ('palette', [(0, 0, 0)]),
        ('method', ['gps']),
        ('method', {'k': {1}}),
        ('method', {1: 1}),
        ('config', None),
        ('metric', {'mDice': float('nan')}),
        ('metric', {'mDice': True}),
        ('metric', {'mDice': '88'}),
        ('versions', {'torch': 2}),
        ('base', {'licence': None}),
    ],
)
def test_bad_facts_name_the_field(field, value):
    with pytest.raises(ValueError, match=f'{field}: expected'):
        DeltaInfo(**{'classes': ['a', 'b'], field: value})


def test_what_is_said_about_the_base_needs_version_4(tmp_path):
    base = {'name': 'vit-small-p14_dinov2', 'licence': 'apache-2.0'}
    weight = torch.zeros(2, 3)
    for info, version in ((DeltaInfo(), 2), (DeltaInfo(base=base), 4)):
        delta = extract({'w': weight}, {'w': weight + 1}, info)
        delta.save(tmp_path / 'd.safetensors')
        with safe_open(tmp_path / 'd.safetensors', framework='np') as file:
            header = json.loads(file.metadata()['gps_seg.delta'])
        assert header['version'] == version
        assert header['info'].get('base', {}) == info.base
        assert Delta.load(tmp_path / 'd.safetensors').info == info


def test_facts_survive_json():
    info = DeltaInfo(classes=['a', 'b'], palette=[[1, 2, 3], [4, 5, 6]])
    assert info.classes == ('a', 'b')
    assert info.palette == ((1, 2, 3), (4, 5, 6))
    assert info.versions['torch'] == str(torch.__version__)
    assert DeltaInfo.from_json(info.to_json()) == info
    with pytest.raises(ValueError, match='info: expected an object'):
        DeltaInfo.from_json([])
