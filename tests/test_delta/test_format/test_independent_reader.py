"""A reader written from docs/delta_format.md alone rebuilds the weights.

Nothing of the package takes part in the reading: `read_delta` knows NumPy,
safetensors, the standard library and that page.
"""

import copy
import hashlib
import json
import math
import zlib

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from gps_seg.additions import Added, Place, Plan, attach
from gps_seg.delta import (
    Delta,
    DeltaInfo,
    apply,
    extract,
    merged_state,
    quantized,
    rounded,
)


def read_delta(path, base):
    """Tensors of the tuned model, from a file and the base's arrays."""
    with safe_open(path, framework='np') as file:
        text = file.metadata()['gps_seg.delta']
    arrays = load_file(path)
    digest = arrays.pop('sha256').tobytes()
    sha = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        sha.update(name.encode() + arrays[name].tobytes())
    assert sha.digest() == digest
    header = json.loads(text)
    version = 3 if 'added' in header['info'] else 2
    version = 4 if 'base' in header['info'] else version
    assert (header['format'], header['version']) == ('gps_seg.delta', version)
    tensors = header['tensors']
    indices = read_indices(zlib.decompress(arrays.pop('index')), tensors)
    check_fingerprint(header, arrays.pop('fingerprint', None), base)
    check_sketches(header, arrays.pop('sketches', None), base)
    cursors = dict.fromkeys(arrays, 0)

    def take(array, count):
        start = cursors[array]
        cursors[array] += count
        return arrays[array][start : start + count]

    weights = dict(base)
    for tensor in tensors:
        name, shape = tensor['name'], tensor['shape']
        number = tensor.get('entries', math.prod(shape))
        where = indices.get(name, slice(None))
        flat = weights.get(name, np.zeros(shape, np.float32)).reshape(-1)
        flat = flat.copy()
        if 'base' in tensor:
            seen = hashlib.blake2b(digest_size=16)
            seen.update(f'{tensor["dtype"]}{shape}'.encode())
            seen.update(flat[where].tobytes())
            assert seen.hexdigest() == tensor['base']
        if 'bits' in tensor:
            flat[where] = read_coded(tensor, number, take, flat[where])
        else:
            stored = tensor.get('stored', tensor['dtype'])
            numbers = take(f'values.{stored}', number)
            if stored == 'bfloat16':
                numbers = (numbers.astype('<u4') << 16).view('<f4')
            flat[where] = numbers.astype(tensor['dtype'])
        weights[name] = flat.reshape(shape)
    assert cursors == {name: len(array) for name, array in arrays.items()}
    return weights


def check_fingerprint(header, digests, base):
    if 'untouched' not in header:
        return
    parts = [t['name'] for t in header['tensors'] if 'entries' in t]
    names = header['untouched'] + parts
    assert digests.shape == (8 * len(names),)
    for i, name in enumerate(names):
        seen = hashlib.blake2b(digest_size=16)
        seen.update(f'{base[name].dtype}{list(base[name].shape)}'.encode())
        seen.update(base[name].tobytes())
        assert seen.digest()[:8] == digests[8 * i : 8 * i + 8].tobytes()


def check_sketches(header, sketches, base):
    if sketches is None:
        return
    names = header['untouched']
    assert sketches.shape == (4 * len(names),)
    for i, name in enumerate(names):
        sketch, x = sketches[4 * i : 4 * i + 4], base[name].reshape(-1)
        if not sketch.any():
            assert x.dtype.kind != 'f' or not x.any()
            continue
        text = f'{x.dtype}{list(base[name].shape)}'.encode()
        start = hashlib.blake2b(text, digest_size=2).digest()
        place = int.from_bytes(start, 'little') + np.arange(len(x))
        norm = np.sqrt((x.astype(np.float64) ** 2).sum())
        waves = [
            (x * np.cos(np.sqrt(f) * place)).sum() for f in (1.0, 2.0, 3.0)
        ]
        assert (abs(sketch - [norm, *waves]) <= 3e-5 * norm).all()


def read_coded(tensor, number, take, base):
    bits = tensor['bits']
    packed = take('codes', math.ceil(number * bits / 8))
    j = np.arange(number)
    codes = packed[j * bits // 8] >> (j * bits % 8) & (2**bits - 1)
    levels = take('levels', tensor['levels'])
    if tensor['levels'] == 2:
        low, high = levels.astype(np.float64)
        t = np.arange(2**bits) / (2**bits - 1)
        levels = (low * (1 - t) + high * t).astype(np.float32)
    return base + levels[codes]


def read_indices(raw, tensors):
    found, offset = {}, 0

    def take(largest, count):
        nonlocal offset
        size = next(s for s in (1, 2, 4, 8) if largest < 256**s)
        part = np.frombuffer(raw, f'<u{size}', count, offset)
        offset += part.nbytes
        return part.astype(np.int64)

    for tensor in tensors:
        if 'entries' not in tensor:
            continue
        rows, columns = tensor['shape'][0], math.prod(tensor['shape'][1:])
        table = take(columns - 1, tensor['columns'])
        position = take(tensor['columns'] - 1, tensor['entries'])
        if tensor['per_row']:
            row = np.arange(rows).repeat(tensor['per_row'])
        else:
            row = take(rows - 1, tensor['entries']).cumsum()
        found[tensor['name']] = row * columns + table[position]
    assert offset == len(raw)
    return found


VARIANTS = {
    'exact': lambda base, delta: delta,
    'float16': lambda base, delta: rounded(delta, torch.float16),
    'bfloat16': lambda base, delta: rounded(delta, torch.bfloat16),
    **{
        f'{levels}-{bits}': (
            lambda base, delta, bits=bits, levels=levels: quantized(
                base, delta, bits=bits, levels=levels
            )
        )
        for bits in (1, 2, 4, 8)
        for levels in ('kmeans', 'uniform')
    },
}


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('task', ['delta', 'other'])
def test_the_documented_reader_agrees(
    variant, task, request, base, tmp_path, state_bits
):
    delta = VARIANTS[variant](base, request.getfixturevalue(task))
    delta.save(tmp_path / 'd.safetensors')
    found = read_delta(
        tmp_path / 'd.safetensors', {n: t.numpy() for n, t in base.items()}
    )
    expected = merged_state(base, delta)
    assert {n: a.tobytes() for n, a in found.items()} == state_bits(expected)
    assert any(name in delta.changes for name in expected)


def test_the_documented_reader_gives_the_trained_weights(
    path, base, tuned, state_bits
):
    found = read_delta(path, {n: t.numpy() for n, t in base.items()})
    assert {n: a.tobytes() for n, a in found.items()} == state_bits(tuned)


def test_a_new_tensor_needs_no_base(delta, base, tuned, tmp_path):
    name = 'head.weight'
    base = {n: t for n, t in base.items() if n != name}
    with_head = Delta.load(save_without_base(delta, name, tmp_path))
    assert with_head.new == {name}
    found = read_delta(
        tmp_path / 'd.safetensors', {n: t.numpy() for n, t in base.items()}
    )
    assert np.array_equal(found[name], tuned[name].numpy())


def save_without_base(delta, name, folder):
    import dataclasses

    new = dataclasses.replace(delta.changes[name], base=None)
    path = folder / 'd.safetensors'
    dataclasses.replace(delta, changes={**delta.changes, name: new}).save(path)
    return path


def test_the_page_names_every_field(repo_dir, base, delta, model, tmp_path):
    page = (repo_dir / 'docs/delta_format.md').read_text(encoding='utf-8')
    half = rounded(delta, torch.float16)
    coded = quantized(base, delta, bits=4)
    for one in (delta, half, coded, lora_delta(model)[0]):
        one.save(tmp_path / 'd.safetensors')
        with safe_open(tmp_path / 'd.safetensors', framework='np') as file:
            header = json.loads(file.metadata()['gps_seg.delta'])
        fields = {field for tensor in header['tensors'] for field in tensor}
        for field in fields | header['info'].keys():
            assert f'`{field}`' in page


def lora_delta(model):
    """A delta that adds an update of low rank, and the tuned tensors."""
    tuned = copy.deepcopy(model)
    place = Place('backbone.2.weight')
    settings = {'rank': 4, 'scale': 0.5, 'dropout': 0.0}
    plan = Plan([Added('low_rank', place, settings)])
    attach(tuned, plan, seed=0)
    with torch.no_grad():
        tuned.backbone[2].added['low_rank'].b.normal_()
    info = DeltaInfo(added=plan.to_json(), base={'name': 'tiny'})
    return extract(model.state_dict(), tuned.state_dict(), info), tuned


@pytest.mark.parametrize('bits', [None, 1, 4])
def test_the_documented_reader_folds_what_is_added(model, tmp_path, bits):
    delta, _ = lora_delta(model)
    base = copy.deepcopy(model.state_dict())
    if bits is not None:
        delta = quantized(base, delta, bits=bits)
    delta.save(tmp_path / 'd.safetensors')

    found = read_delta(
        tmp_path / 'd.safetensors', {n: t.numpy() for n, t in base.items()}
    )

    apply(model, Delta.load(tmp_path / 'd.safetensors'))
    applied = {n: t.numpy() for n, t in model.state_dict().items()}
    assert found.keys() == applied.keys()
    assert all(np.array_equal(found[n], applied[n]) for n in applied)
    key = 'backbone.2.added.low_rank'
    update = 0.5 * found.pop(f'{key}.b') @ found.pop(f'{key}.a')
    merged = merged_state(base, delta)
    assert found.keys() == merged.keys()
    np.testing.assert_allclose(
        found['backbone.2.weight'] + update,
        merged['backbone.2.weight'].numpy(),
        rtol=1e-5,
        atol=1e-6,
    )
    assert np.abs(update).max() > 0.1


def test_only_what_is_added_is_coded_without_a_base(model):
    delta, _ = lora_delta(model)
    name = 'backbone.2.added.low_rank.a'
    coded = quantized(model.state_dict(), delta, bits=1).changes[name]
    with pytest.raises(ValueError, match=r'has a base or was added.*head'):
        Delta({'head.weight': coded})
