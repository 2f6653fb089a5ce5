# Copyright (c) gps_seg contributors. Apache-2.0.
"""A writer of delta files, made from docs/delta_format.md alone.

It uses the standard library and NumPy, and nothing of the package.
"""

import hashlib
import json
import math
import struct

import numpy as np

#: Tensors of the base: name -> (dtype in the file, shape).
TENSORS = {
    'a.weight': ('float32', (6, 4)),
    'a.bias': ('float32', (6,)),
    'c.weight': ('float32', (4, 3, 2, 2)),
    'd.weight': ('float64', (3, 5)),
    'e.count': ('int64', ()),
    'f.weight': ('float16', (2, 300)),
    'g.mean': ('bfloat16', (8,)),
    'h.weight': ('float32', (2, 3)),
}
#: Another name of a tensor in the model.
TIED = {'t.weight': 'a.weight'}
_SAFETENSORS = {
    '<f8': 'F64', '<f4': 'F32', '<f2': 'F16', '<i8': 'I64', '<i4': 'I32',
    '|i1': 'I8', '<u2': 'U16', '|u1': 'U8',
}  # fmt: skip


def base_arrays():
    """The base; bfloat16 as the upper halves of float32."""
    numbers = np.random.default_rng(5)
    base = {}
    for name, (dtype, shape) in TENSORS.items():
        values = numbers.normal(size=shape)
        if dtype == 'bfloat16':
            bits = values.astype('<f4').view('<u4') >> 16
            base[name] = bits.astype('<u2')
        elif dtype == 'int64':
            base[name] = np.array(7, '<i8')
        else:
            base[name] = np.array(values, np.dtype(dtype).newbyteorder('<'))
    return base


class Writer:
    """Writer of random tasks as files that follow all rules.

    Args:
        base: Name -> array of the base.
        chance: ``random.Random`` that makes the choices.
        numbers: Generator of NumPy that draws the values.
    """

    def __init__(self, base, chance, numbers):
        self.base = base
        self.random = chance
        self.numbers = numbers

    def well_formed(self):
        names = [n for n in sorted(TENSORS) if self.random.random() < 0.6]
        arrays, raw, records = {}, b'', []
        for name in names:
            record, part = self.record(name, arrays)
            raw += part
            records.append(record)
        header = {
            'format': 'gps_seg.delta',
            'version': 2,
            'tensors': records,
            'info': {
                'classes': ['a', 'b'], 'palette': [], 'method': {'k': 1},
                'config': 'x = 1', 'metric': {'m': 0.5},
                'versions': {'torch': '2'}, 'seed': 3,
            },
        }  # fmt: skip
        if self.random.random() < 0.7:
            self.add_fingerprint(header, arrays)
        else:
            header['version'] = self.random.choice((1, 2))
            if header['version'] == 1:
                del header['info']['seed']
        return header, arrays, raw

    def record(self, name, arrays):
        dtype, shape = TENSORS[name]
        record = {'name': name, 'shape': list(shape), 'dtype': dtype}
        flat, part = self.base[name].reshape(-1), b''
        where = np.arange(flat.size)
        if shape and self.random.random() < 0.6:
            where = where[self.numbers.random(flat.size) < 0.3]
            fields, part = indices(where, shape)
            record.update(fields)
        is_new = 'entries' not in record and self.random.random() < 0.3
        if not is_new:
            record['base'] = digest(dtype, shape, flat[where]).hex()
        is_float = dtype != 'int64'
        if is_float and not is_new and self.random.random() < 0.4:
            self.add_codes(record, len(where), arrays)
        else:
            stored = dtype
            if dtype in ('float32', 'float64') and self.random.random() < 0.3:
                stored = record['stored'] = 'float16'
            append(arrays, f'values.{stored}', self.values(stored, len(where)))
        return record, part

    def values(self, dtype, count):
        values = self.numbers.normal(size=count)
        if dtype == 'bfloat16':
            return (values.astype('<f4').view('<u4') >> 16).astype('<u2')
        return np.array(values * 3, np.dtype(dtype).newbyteorder('<'))

    def add_codes(self, record, count, arrays):
        bits = record['bits'] = self.random.choice((1, 2, 4, 8))
        record['levels'] = self.random.choice((2, 2**bits))
        size = -(-count * bits // 8)
        codes = self.numbers.integers(0, 256, size).astype('u1')
        append(arrays, 'codes', codes)
        levels = np.sort(self.numbers.normal(size=record['levels']))
        append(arrays, 'levels', levels.astype('<f4'))

    def add_fingerprint(self, header, arrays):
        changed = {r['name'] for r in header['tensors']}
        untouched = sorted({*TENSORS, *TIED} - changed)
        parts = [r['name'] for r in header['tensors'] if 'entries' in r]
        header['untouched'] = untouched
        raw = b''
        for name in untouched + parts:
            name = TIED.get(name, name)
            raw += digest(*TENSORS[name], self.base[name])[:8]
        if raw:
            arrays['fingerprint'] = np.frombuffer(raw, 'u1')
        if untouched and self.random.random() < 0.7:
            names = [TIED.get(name, name) for name in untouched]
            arrays['sketches'] = np.concatenate(
                [sketch(*TENSORS[name], self.base[name]) for name in names]
            )


def indices(where, shape):
    """Fields of the record, and the bytes to compress."""
    num_rows, num_columns = shape[0], math.prod(shape[1:])
    rows, columns = where // num_columns, where % num_columns
    table = np.unique(columns)
    counts = np.bincount(rows, minlength=num_rows)
    is_regular = len(where) > 0 and len(set(counts.tolist())) == 1
    per_row = int(counts[0]) if is_regular else 0
    parts = [
        (table, num_columns - 1),
        (np.searchsorted(table, columns), len(table) - 1),
        (np.diff(rows, prepend=0)[: 0 if per_row else None], num_rows - 1),
    ]
    raw = b''.join(
        part.astype(
            next(f'<u{s}' for s in (1, 2, 4) if top < 256**s)
        ).tobytes()
        for part, top in parts
    )
    fields = {'entries': len(where), 'columns': len(table), 'per_row': per_row}
    return fields, raw


def unsigned(largest):
    return next(f'<u{size}' for size in (1, 2, 4) if largest < 256**size)


def digest(dtype, shape, values):
    text = f'{dtype}{list(shape)}'.encode()
    return hashlib.blake2b(text + values.tobytes(), digest_size=16).digest()


def sketch(dtype, shape, values):
    if dtype == 'int64':
        return np.zeros(4, '<f4')
    if dtype == 'bfloat16':
        values = (values.astype('<u4') << 16).view('<f4')
    x = values.astype('<f8').reshape(-1)
    text = f'{dtype}{list(shape)}'.encode()
    start = hashlib.blake2b(text, digest_size=2).digest()
    place = np.arange(x.size) + int.from_bytes(start, 'little')
    waves = [(x * np.cos(math.sqrt(f) * place)).sum() for f in (1, 2, 3)]
    return np.array([math.sqrt((x * x).sum()), *waves], '<f4')


def append(arrays, name, values):
    if name in arrays:
        values = np.concatenate([arrays[name], values])
    arrays[name] = values


def dumped(header):
    return json.dumps(header, separators=(',', ':'))


def container(text, arrays):
    """A safetensors file, byte by byte."""
    sha = hashlib.sha256(text.encode('utf-8', 'surrogatepass'))
    for name in sorted(arrays):
        sha.update(name.encode() + arrays[name].tobytes())
    arrays = {**arrays, 'sha256': np.frombuffer(sha.digest(), 'u1')}
    entries, body = {'__metadata__': {'gps_seg.delta': text}}, b''
    # Wide numbers come first, so that each array is aligned.
    order = sorted(arrays, key=lambda n: (-arrays[n].dtype.itemsize, n))
    for name in order:
        raw = arrays[name].tobytes()
        entries[name] = {
            'dtype': _SAFETENSORS[arrays[name].dtype.str],
            'shape': list(arrays[name].shape),
            'data_offsets': [len(body), len(body) + len(raw)],
        }
        body += raw
    head = json.dumps(entries).encode()
    head += b' ' * (-len(head) % 8)
    return struct.pack('<Q', len(head)) + head + body
