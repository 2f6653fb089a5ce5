"""Whatever is in a file, only the documented error comes out."""

import contextlib
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_seg.delta import Delta
from gps_seg.delta.change import Change
from gps_seg.delta.format.container import read_container, write_container
from gps_seg.delta.values import Exact

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=4,
)
FIELDS = [
    'name', 'shape', 'dtype', 'stored', 'bits', 'levels', 'base', 'entries',
    'columns', 'per_row',
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    index=st.integers(0, 6),
    fields=st.dictionaries(
        st.sampled_from(FIELDS),
        JSON | st.integers(0, 40) | st.lists(st.integers(0, 2**63)),
        min_size=1,
        max_size=3,
    ),
    dropped=st.sets(st.sampled_from(FIELDS), max_size=2),
)
def test_fuzzed_headers_give_the_documented_error(
    tmp_path_factory, forged_source, index, fields, dropped
):
    header, arrays = forged_source
    content = json.loads(header)
    record = content['tensors'][index]
    record.update(fields)
    for field in dropped:
        record.pop(field, None)
    path = tmp_path_factory.getbasetemp() / 'fuzzed-header'
    write_container(path, json.dumps(content), arrays)
    load_or_refuse(path)


@settings(max_examples=150, deadline=None)
@given(text=st.text() | JSON.map(json.dumps) | st.just('[' * 100_000))
def test_fuzzed_header_texts_give_the_documented_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / 'fuzzed-text'
    write_container(path, text, {})
    load_or_refuse(path)


@settings(max_examples=200, deadline=None)
@given(
    start=st.integers(0, 4000),
    replaced=st.integers(0, 60),
    inserted=st.binary(max_size=60),
)
def test_fuzzed_bytes_give_the_documented_error(
    tmp_path_factory, forged_source, start, replaced, inserted
):
    path = tmp_path_factory.getbasetemp() / 'fuzzed-bytes'
    write_container(path, *forged_source)
    content = path.read_bytes()
    path.write_bytes(content[:start] + inserted + content[start + replaced :])
    load_or_refuse(path)


def load_or_refuse(path):
    """Any error but ValueError fails the test."""
    with contextlib.suppress(ValueError):
        Delta.load(path)


@pytest.fixture(scope='module')
def forged_source(tmp_path_factory):
    """Header and arrays of a small delta of all kinds of tensors."""
    size = torch.Size
    numbers = torch.arange(6.0)
    digest = '0' * 32
    changes = {
        'a': Change(size([6]), torch.float32, Exact(numbers)),
        'b': Change(size([6]), torch.float32, Exact(numbers.half())),
        'c': Change(size([6]), torch.bfloat16, Exact(numbers.bfloat16())),
        'd': Change(size([]), torch.int64, Exact(torch.tensor([3]))),
        'e': Change(
            size([6, 3]), torch.float32, Exact(numbers),
            torch.arange(6) * 3, digest,
        ),
        'f': Change(
            size([600, 3]), torch.float64, Exact(numbers.double()),
            torch.arange(6) ** 2, digest,
        ),
        'g': Change(size([6]), torch.float32, Exact(numbers), None, digest),
    }  # fmt: skip
    path = tmp_path_factory.mktemp('source') / 'd'
    Delta(changes).save(path)
    return read_container(path)
