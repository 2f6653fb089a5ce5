# Copyright (c) gps_seg contributors. Apache-2.0.
"""Delta files of a stranger: right ones, and ones that break some rule.

The hash of the content is right in nearly all of them, so that what lies
behind it is reached.
"""

import copy
import random
import zlib

import numpy as np
from delta_writer import (
    TENSORS,
    TIED,
    Writer,
    base_arrays,
    container,
    dumped,
)

_FIELDS = (
    'name', 'shape', 'dtype', 'stored', 'bits', 'levels', 'base', 'entries',
    'columns', 'per_row',
)  # fmt: skip
_DTYPES = (
    'float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16',
    'int8', 'uint8', 'bool', 'complex64',
)  # fmt: skip


class Forger:
    """Maker of one file after the other, each from a number."""

    def __init__(self):
        self.base = base_arrays()

    def forge(self, number):
        """Bytes of a file, and whether it keeps all rules."""
        self.random = random.Random(number)
        numbers = np.random.default_rng(number)
        writer = Writer(self.base, self.random, numbers)
        header, arrays, raw = writer.well_formed()
        mutations = self.random.choice((0, 1, 1, 1, 2, 3))
        for _ in range(mutations):
            mutate = self.random.choice(MUTATIONS)
            header, arrays, raw = mutate(self, header, arrays, raw)
        if 'index' not in arrays:
            arrays['index'] = np.frombuffer(zlib.compress(raw, 9), 'u1')
        text = header if isinstance(header, str) else dumped(header)
        if mutations and self.random.random() < 0.1:
            text = self.scratched(text)
        content = container(text, arrays)
        if mutations and self.random.random() < 0.05:
            content = self.flipped(content)
        return content, mutations == 0

    # Ways to break a rule

    def value(self):
        return self.random.choice(
            (
                0, 1, -1, 2, 3, 7, 24, 2**31, 2**32, 2**62, 2**63, 10**4000,
                True, None, 0.5, 1e308, float('nan'), '', 'x', '0' * 32,
                'a.weight', 't.weight', [], [6, 4], [2**40, 2**40], [0],
                [1] * 80, {}, {'a': {}}, [[[[1]]]], *_DTYPES, '\ud800\x1b',
            )
        )  # fmt: skip

    def field(self, header, arrays, raw):
        record = self.any_record(header)
        record[self.random.choice(_FIELDS)] = self.value()
        return header, arrays, raw

    def number_field(self, header, arrays, raw):
        """A number that nearly fits."""
        record = self.any_record(header)
        key = self.random.choice(('entries', 'columns', 'per_row', 'bits'))
        if type(record.get(key)) is int:
            record[key] += self.random.choice((-1, 1, 8, 2**20))
        return header, arrays, raw

    def no_field(self, header, arrays, raw):
        record = self.any_record(header)
        record.pop(self.random.choice(_FIELDS), None)
        return header, arrays, raw

    def shape(self, header, arrays, raw):
        record = self.any_record(header)
        shape = record.get('shape')
        if isinstance(shape, list):
            shape.insert(
                self.random.randint(0, len(shape)),
                self.random.choice((0, 1, 2, 2**20, 2**61, -1)),
            )
            self.random.shuffle(shape)
        return header, arrays, raw

    def renamed(self, header, arrays, raw):
        name = self.random.choice([*TENSORS, *TIED, 'a.weight.data', 'a', ''])
        self.any_record(header)['name'] = name
        if self.random.random() < 0.7 and isinstance(header, dict):
            self.sort(header)
        return header, arrays, raw

    def record_twice(self, header, arrays, raw):
        record = copy.deepcopy(self.any_record(header))
        record['name'] = self.random.choice([*TENSORS, *TIED])
        if isinstance(header, dict) and isinstance(header['tensors'], list):
            header['tensors'].append(record)
            self.sort(header)
        return header, arrays, raw

    def no_record(self, header, arrays, raw):
        if isinstance(header, dict) and isinstance(header['tensors'], list):
            del header['tensors'][-1:]
        return header, arrays, raw

    def top_level(self, header, arrays, raw):
        if isinstance(header, dict):
            key = self.random.choice(
                ('format', 'version', 'tensors', 'info', 'untouched', 'x')
            )
            header[key] = self.value()
        return header, arrays, raw

    def info(self, header, arrays, raw):
        if isinstance(header, dict) and isinstance(header.get('info'), dict):
            info = header['info']
            key = self.random.choice([*info, 'x'])
            nested = self.value()
            for _ in range(self.random.choice((0, 1, 10, 200, 900))):
                nested = self.random.choice(([nested], {'a': nested}))
            info[key] = nested
        return header, arrays, raw

    def untouched(self, header, arrays, raw):
        if isinstance(header, dict) and header.get('untouched'):
            names = header['untouched']
            if isinstance(names, list):
                change = self.random.choice(('turn', 'drop', 'add'))
                if change == 'turn':
                    names.reverse()
                elif change == 'drop':
                    names.pop()
                else:
                    names.append('x')
        return header, arrays, raw

    def no_array(self, header, arrays, raw):
        if arrays:
            del arrays[self.random.choice(sorted(arrays))]
        return header, arrays, raw

    def array(self, header, arrays, raw):
        if arrays:
            name = self.random.choice(sorted(arrays))
            arrays[name] = self.distorted(arrays[name])
        return header, arrays, raw

    def distorted(self, array):
        array = array.reshape(-1)  # may have been distorted before
        one = np.ones(1, array.dtype)
        change = self.random.choice(
            (
                lambda: array[:-1],
                lambda: np.concatenate([array, one]),
                lambda: array.reshape(1, -1),
                lambda: array.astype('<f8'),
                lambda: np.frombuffer(array.tobytes(), 'u1'),
                lambda: array[:0],
                lambda: np.full_like(array, self.poison(array.dtype)),
                lambda: self.one_changed(array),
            )
        )
        return change()

    def one_changed(self, array):
        changed = array.copy()
        if changed.size:
            place = self.random.randrange(changed.size)
            changed.reshape(-1)[place] = self.poison(array.dtype)
        return changed

    def poison(self, dtype):
        if dtype.kind == 'f':
            return self.random.choice((np.nan, np.inf, 0, -0.0, 60000))
        return self.random.choice((0, 1, 255, np.iinfo(dtype).max))

    def extra_array(self, header, arrays, raw):
        name = self.random.choice(
            (
                'codes',
                'levels',
                'fingerprint',
                'sketches',
                'values.int8',
                'x',
                'index',
            )
        )
        arrays[name] = np.zeros(self.random.choice((0, 1, 1000)), 'u1')
        return header, arrays, raw

    def index_bytes(self, header, arrays, raw):
        changed = bytearray(raw)
        for _ in range(self.random.choice((1, 1, 3))):
            if changed:
                place = self.random.randrange(len(changed))
                changed[place] = self.random.choice((0, 1, 2, 127, 255))
        return header, arrays, bytes(changed)

    def index_length(self, header, arrays, raw):
        rest = self.random.choice((b'', b'\0', bytes(10**6)))
        return header, arrays, (raw + rest if rest else raw[:-1])

    def index_stream(self, header, arrays, raw):
        stream = bytearray(zlib.compress(raw, 9))
        change = self.random.choice(('flip', 'cut', 'more'))
        if change == 'flip':
            stream = bytearray(self.flipped(stream))
        elif change == 'cut':
            del stream[self.random.randrange(len(stream)) :]
        else:
            stream += zlib.compress(b'more')
        arrays['index'] = np.frombuffer(bytes(stream), 'u1')
        return header, arrays, raw

    def text(self, header, arrays, raw):
        texts = ('', '[]', '7', '[' * 10**5, '{"a":' * 10**4, 'NaN', '"\\ud8')
        return self.random.choice(texts), arrays, raw

    def scratched(self, text):
        if not text:
            return text
        place = self.random.randrange(len(text))
        scratch = self.random.choice(('', '"', '0', '}', ',', 'ß', '\\u0000'))
        return text[:place] + scratch + text[place + 1 :]

    def flipped(self, content):
        changed = bytearray(content)
        place = self.random.randrange(len(changed))
        changed[place] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    def any_record(self, header):
        if isinstance(header, dict) and isinstance(header['tensors'], list):
            records = [r for r in header['tensors'] if isinstance(r, dict)]
            if records:
                return self.random.choice(records)
        return {}

    def sort(self, header):
        records = header['tensors']
        if isinstance(records, list) and all(
            isinstance(record, dict) for record in records
        ):
            records.sort(key=lambda record: str(record.get('name')))


MUTATIONS = (
    Forger.field, Forger.number_field, Forger.no_field, Forger.shape,
    Forger.renamed, Forger.record_twice, Forger.no_record, Forger.top_level,
    Forger.info, Forger.untouched, Forger.no_array, Forger.array,
    Forger.array, Forger.extra_array, Forger.index_bytes, Forger.index_length,
    Forger.index_stream, Forger.text,
)  # fmt: skip
