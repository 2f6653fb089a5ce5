"""What is told of a delta file, counted once more from the file itself."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from gps_seg.delta import Delta, DeltaInfo, quantized, rounded
from gps_seg.delta.change import Change
from gps_seg.delta.reports.description import (
    describe,
    file_parts,
    format_description,
)
from gps_seg.delta.values import Exact


def raw(path):
    """Header and arrays, read with safetensors alone."""
    with safe_open(path, framework='np') as file:
        header = file.metadata()['gps_seg.delta']
        return header, {name: file.get_tensor(name) for name in file.keys()}


def test_bytes_by_part_are_those_of_the_arrays(path):
    header, arrays = raw(path)

    parts = file_parts(path)

    values = [a.nbytes for n, a in arrays.items() if n.startswith('values.')]
    assert parts['values'] == sum(values)
    assert parts['index'] == arrays['index'].nbytes
    assert parts['header'] == len(header.encode())
    assert parts['file'] == path.stat().st_size
    total = sum(parts.values()) - parts['file']
    assert total == parts['file']
    assert parts['container'] > 32  # at least the hash


def test_codes_and_levels_count_as_values(delta, base, tmp_path):
    path = tmp_path / 'coded.safetensors'
    quantized(base, delta, bits=2).save(path)
    _, arrays = raw(path)

    expected = sum(
        array.nbytes
        for name, array in arrays.items()
        if name not in ('index', 'fingerprint', 'sketches', 'sha256')
    )
    assert {'codes', 'levels'} < arrays.keys()
    assert file_parts(path)['values'] == expected


def test_counts_are_those_of_the_header(delta, tmp_path):
    changes = dict(delta.changes)
    head = changes['head.weight']
    changes['head.weight'] = type(head)(head.shape, head.dtype, head.values)
    path = tmp_path / 'new.safetensors'
    Delta(changes, delta.info).save(path)
    tensors = json.loads(raw(path)[0])['tensors']

    facts = describe(path)

    selected = [t for t in tensors if 'entries' in t]
    new = [t for t in tensors if 'base' not in t]
    whole = [t for t in tensors if t not in selected and t not in new]
    for kind, records in (('selected', selected), ('whole', whole)):
        entries = [
            t.get('entries', np.prod(t['shape'], dtype=int)) for t in records
        ]
        told = {'tensors': len(records), 'entries': sum(entries)}
        assert facts['tensors'][kind] == told
    assert facts['tensors']['new'] == {'tensors': 1, 'entries': 12}
    assert facts['version'] == 2
    assert facts['lossless'] is True


def test_facts_are_json(path, delta):
    facts = json.loads(json.dumps(describe(path), allow_nan=False))

    assert DeltaInfo.from_json(facts['info']) == delta.info
    assert [row['kind'] for row in facts['kinds']] == ['0', '2']


def test_storage_in_words(delta, base):
    name = 'backbone.2.bias'  # 300 values

    def words(changed):
        return changed.changes[name].storage

    assert words(delta) == 'float32'
    assert words(rounded(delta, torch.bfloat16)) == 'float32 as bfloat16'
    assert words(quantized(base, delta, bits=4)) == 'float32 in 4 bits'


def test_text_has_what_a_reader_looks_for(path):
    text = format_description(describe(path))

    for line in (
        'method    gps k=1',
        'classes   background, polyp',
        'metrics   mDice 88.25',
        'format    gps_seg.delta version 2',
        'lossless  yes',
    ):
        assert line in text.splitlines()
    assert 'größer' not in text  # the config has a switch of its own
    assert f'{path.stat().st_size:,}' in text


def test_text_of_a_delta_without_selection_or_facts(delta, tmp_path):
    path = tmp_path / 'bias.safetensors'
    bias = delta.restricted(lambda name: name.endswith('bias'))
    Delta(bias.changes).save(path)

    text = format_description(describe(path))

    assert 'classes   (not recorded)' in text
    assert 'of fan-in' not in text


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.safetensors'):
        describe(tmp_path / 'gone.safetensors')


def test_a_weight_without_entries_can_be_described(tmp_path):
    none = torch.empty(0, dtype=torch.int64)
    values = Exact(torch.empty(0))
    shapes = {'x.weight': torch.Size([0, 3]), 'y.weight': torch.Size([3, 0])}
    changes = {
        name: Change(shape, torch.float32, values, none, '0' * 32)
        for name, shape in shapes.items()
    }
    Delta(changes).save(tmp_path / 'd')
    assert '0.000 %' in format_description(describe(tmp_path / 'd'))


def test_people_read_two_decimals_and_scripts_all(delta, tmp_path):
    info = DeltaInfo(metric={'mDice': 69.45920913067692, 'x\ny': 0.0}, seed=3)
    Delta(delta.changes, info).save(tmp_path / 'd')
    facts = describe(tmp_path / 'd')
    lines = format_description(facts).split('\n')
    assert r'metrics   mDice 69.46, x\ny 0.00' in lines
    assert 'seed      3 (of the run)' in lines
    assert facts['info']['metric']['mDice'] == 69.45920913067692


def test_the_parts_of_a_delta_have_names_of_the_field(path):
    text = format_description(describe(path))
    _, changes, *_ = text.split('\n\n')
    assert changes.split('\n') == [
        'what changes                   tensors  values',
        'selected connections                 2     306',
        'whole tensors, such as biases        5     325',
        'added modules                        0       0',
        'new tensors, such as a head          0       0',
    ]
