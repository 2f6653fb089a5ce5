"""A file that breaks a rule of the format gives one clear error."""

import itertools
import json
import tracemalloc
import zlib

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from gps_seg.delta import Delta, DeltaInfo
from gps_seg.delta.change import Change
from gps_seg.delta.format.container import read_container, write_container
from gps_seg.delta.values import Exact


@pytest.mark.parametrize('place', [0, 'folder'])
def test_no_file_is_said_plainly(place, tmp_path):
    path = tmp_path if place else tmp_path / 'none'
    with pytest.raises(FileNotFoundError, match='expected a file'):
        Delta.load(path)


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'{}',
        (10**10).to_bytes(8, 'little') + b'{}',
        (2**64 - 1).to_bytes(8, 'little') + b'{}',
    ],
    ids=['empty', 'short', '10 GB header', 'huge header'],
)
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / 'd').write_bytes(content)
    with pytest.raises(ValueError, match='expected a whole safetensors file'):
        Delta.load(tmp_path / 'd')


def test_plain_weights_are_said_to_be_no_delta(tmp_path):
    safetensors.numpy.save_file({'x': np.zeros(2)}, tmp_path / 'd')
    with pytest.raises(ValueError, match='without the metadata.*extract'):
        Delta.load(tmp_path / 'd')


def test_a_pytorch_checkpoint_is_said_to_be_no_delta(tmp_path):
    """Not to be damaged: to copy it again would not help."""
    torch.save({'x': torch.ones(2)}, tmp_path / 'model.pth')
    with pytest.raises(ValueError, match='got a PyTorch checkpoint') as told:
        Delta.load(tmp_path / 'model.pth')
    assert 'tools/delta.py extract' in str(told.value)
    assert 'opy it again' not in str(told.value)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float8_e4m3fn])
def test_arrays_that_numpy_lacks_are_refused(dtype, tmp_path):
    content = safetensors.torch.save(
        {'x': torch.zeros(2, dtype=dtype)}, {'gps_seg.delta': '{}'}
    )
    (tmp_path / 'd').write_bytes(content)
    with pytest.raises(ValueError, match='arrays of'):
        Delta.load(tmp_path / 'd')


def test_every_truncation_is_noticed(path):
    content = path.read_bytes()
    for length in [*range(0, 200, 7), *range(200, len(content), 97)]:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match='Copy it again'):
            Delta.load(path)


def test_a_flipped_bit_in_any_byte_is_noticed(tmp_path):
    """The lowest bit of each byte, and one that rotates."""
    path = tmp_path / 'd'
    change = Change(torch.Size([2]), torch.float32, Exact(torch.ones(2)))
    Delta({'x': change}, DeltaInfo(versions={})).save(path)
    content = path.read_bytes()
    for position, bit in itertools.product(range(len(content)), (0, None)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << (position % 8 if bit is None else bit)
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match='delta'):
            Delta.load(path)


# Files with a right hash and a wrong content


def forge(path, edit=lambda header: None, **arrays):
    """Edit header and arrays of a file, and hash it anew."""
    text, old = read_container(path)
    header = json.loads(text)
    edit(header)
    new = {n: a for n, a in {**old, **arrays}.items() if a is not None}
    write_container(path, json.dumps(header), new)


def tensor(index, **fields):
    def edit(header):
        header['tensors'][index].update(fields)

    return edit


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {'a': value}
    return value


# Tensors of the file: 0 conv.bias, 1 conv.weight, 2 num_batches_tracked,
# 3 running_mean, 4 linear.bias, 5 linear.weight, 6 head.weight.
@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (lambda h: h.update(version=True), 'version 1 to 4, got .* True'),
        (lambda h: h.update(version=2.0), 'version 1 to 4, got .* 2.0'),
        (lambda h: h.update(version=5), 'version 1 to 4, got .* version 5'),
        (lambda h: h.update(format='x'), 'expected gps_seg.delta'),
        (lambda h: h.update(more=1), 'header: expected'),
        (lambda h: h.update(tensors={}), 'header: expected'),
        (lambda h: h['tensors'].pop(0), 'got more of'),
        (lambda h: h['tensors'].pop(), 'got more of'),
        (lambda h: h['tensors'].reverse(), 'sorted order'),
        (lambda h: h['tensors'].append(h['tensors'][-1]), 'different names'),
        (lambda h: h['tensors'].append(7), 'expected objects'),
        (tensor(0, more=1), 'expected objects'),
        (tensor(0, name=3), 'name: expected str'),
        (tensor(0, dtype='complex64'), 'dtype: expected one of'),
        (tensor(0, dtype=[]), 'dtype: expected str'),
        (tensor(0, shape=[7]), r'values|numbers'),
        (tensor(0, shape=[-6]), 'shape: expected'),
        (tensor(0, shape=[10**12]), 'expected 1000000000000 numbers'),
        (tensor(0, shape=[0, 2**40, 2**40]), 'shape: expected'),
        (tensor(0, shape=[True]), 'shape: expected'),
        (tensor(0, shape=[6] + [1] * 64), 'at most 64 axes'),
        (tensor(0, shape=[10**4000] * 60), 'shape: expected'),
        (tensor(0, shape=[0, 2**62]), 'shape: expected'),
        (tensor(1, shape=[2**33, 2]), 'at most 4294967296 rows'),
        (tensor(0, stored='int64'), 'values: expected|numbers'),
        (tensor(2, stored='float32'), 'values: expected|numbers'),
        (tensor(0, base='x' * 32), 'base: expected 32'),
        (tensor(0, base='ab'), 'base: expected 32'),
        (tensor(0, bits=3, levels=8), 'bits: expected'),
        (tensor(0, bits=4, levels=3), 'bits: expected'),
        (tensor(0, bits=4, levels=16), 'codes'),
        (tensor(0, entries=2), 'columns: expected int'),
        (tensor(1, entries=-1), 'entries: expected 0'),
        (tensor(1, entries=10**15), 'expected 1000000000000000 numbers|per_'),
        (tensor(1, columns=99), 'columns: expected'),
        (tensor(1, columns=1), 'index: expected'),
        (tensor(1, per_row=0), 'index: expected'),
        (lambda h: h.update(info={}), 'info: expected'),
        (lambda h: h['info'].update(classes=3), 'classes: expected'),
        (lambda h: h['info'].update(metric={'a': None}), 'metric: expected'),
        (lambda h: h['info'].update(metric={'a': 10**400}), 'metric: expect'),
        (lambda h: h['info'].update(method=nested(900)), 'at most 64 levels'),
        (lambda h: h.update(info=nested(900)), 'at most 64 levels'),
        (lambda h: h['info'].update(palette=[[1, 2, 3]]), 'palette: expect'),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused(path, edit, message):
    forge(path, edit)
    with pytest.raises(ValueError, match=message):
        Delta.load(path)


@pytest.mark.parametrize(
    ('name', 'array', 'message'),
    [
        ('extra', np.zeros(3, np.uint8), "more of {'extra': 3}"),
        ('extra', np.zeros(0, np.uint8), "more of {'extra': 0}"),
        ('values.float32', None, 'expected 6 numbers'),
        ('values.float32', np.zeros(3, np.float32), 'expected 6 numbers'),
        ('values.float32', np.zeros((1, 999), np.float32), 'one axis'),
        ('values.float32', np.zeros(999), 'one axis of float32'),
        ('values.int64', np.zeros(2, np.int64), "more of {'values.int64': 1"),
        ('index', None, 'index: expected'),
        ('index', np.zeros(9, np.uint8), 'index: expected zlib'),
    ],
)
def test_arrays_that_break_a_rule_are_refused(path, name, array, message):
    forge(path, **{name: array})
    with pytest.raises(ValueError, match=message):
        Delta.load(path)


def deflated(path, change):
    """The index of a file with its inflated bytes changed."""
    _, arrays = read_container(path)
    raw = bytearray(zlib.decompress(arrays['index'].tobytes()))
    return np.frombuffer(zlib.compress(bytes(change(raw))), np.uint8)


def first_byte(raw):
    raw[0] = 250
    return raw


def two_columns_swapped(raw):
    raw[0], raw[1] = raw[1], raw[0]
    return raw


def one_column_twice(raw):
    raw[0] = raw[1]
    return raw


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda raw: raw + b'0', 'index: expected'),
        (lambda raw: raw[:-1], 'index: expected'),
        (first_byte, r'indices: expected columns in \[0, 12\)'),
        (two_columns_swapped, 'strictly increasing columns'),
        (one_column_twice, 'strictly increasing columns'),
    ],
    ids=['long', 'short', 'out of range', 'swapped', 'twice'],
)
def test_an_index_that_breaks_a_rule_is_refused(path, change, message):
    forge(path, index=deflated(path, change))
    with pytest.raises(ValueError, match=message):
        Delta.load(path)


def test_a_bomb_is_not_inflated(path):
    forge(path, index=deflated(path, lambda raw: raw + bytes(10**8)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match='index: expected'):
            Delta.load(path)
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()


def test_a_key_twice_is_refused(path):
    text, arrays = read_container(path)
    for key in ('"version":', '"dtype":'):
        write_container(path, text.replace(key, f'{key}0,{key}', 1), arrays)
        with pytest.raises(ValueError, match='more than once'):
            Delta.load(path)


def test_settings_that_code_cannot_walk_through_are_refused():
    DeltaInfo(method=nested(63))
    for method in (nested(64), nested(900)):
        with pytest.raises(ValueError, match='method: expected'):
            DeltaInfo(method=method)


def test_memory_goes_with_the_size_of_the_file(tmp_path):
    """One bit for an entry, and indices that deflate to nearly nothing."""
    entries = 1_000_000
    record = {
        'name': 'x', 'shape': [2**31, 1], 'dtype': 'float32',
        'entries': entries, 'columns': 1, 'per_row': 0,
        'bits': 1, 'levels': 2, 'base': '0' * 32,
    }  # fmt: skip
    header = {
        'format': 'gps_seg.delta', 'version': 1, 'tensors': [record],
        'info': DeltaInfo().to_json(),
    }  # fmt: skip
    steps = np.ones(entries, '<u4').tobytes()
    index = zlib.compress(bytes(1 + entries) + steps, 9)
    arrays = {
        'codes': np.zeros(entries // 8, np.uint8),
        'levels': np.zeros(2, np.float32),
        'index': np.frombuffer(index, np.uint8),
    }
    path = tmp_path / 'd'
    write_container(path, json.dumps(header), arrays)
    tracemalloc.start()
    try:
        delta = Delta.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(delta.selection['x']) == entries
    assert peak < 200 * path.stat().st_size


def test_unsorted_indices_are_refused(tmp_path):
    path = tmp_path / 'd'
    change = Change(
        torch.Size([2, 3]),
        torch.float32,
        Exact(torch.ones(2)),
        torch.tensor([0, 1]),
        '0' * 32,
    )
    Delta({'x': change}).save(path)
    # Two columns, then their positions: first the second column.
    forge(path, index=deflated(path, lambda raw: bytes([0, 1, 1, 0, 0, 0])))
    with pytest.raises(ValueError, match='strictly increasing'):
        Delta.load(path)


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_value_that_is_not_finite_is_refused(path, tuned, bad):
    _, arrays = read_container(path)
    numbers = arrays['values.float32'].copy()
    numbers[-1] = bad
    forge(path, **{'values.float32': numbers})
    with pytest.raises(ValueError, match=r'finite.*\(head.weight\)'):
        Delta.load(path)
    with pytest.raises(ValueError, match='finite'):
        Delta(
            {
                'x': Change(
                    torch.Size([1]), torch.float32, Exact(torch.tensor([bad]))
                )
            }
        )
