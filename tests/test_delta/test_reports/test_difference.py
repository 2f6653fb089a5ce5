"""Two deltas side by side, against the plain definition on dense tensors."""

from dataclasses import replace

import pytest
import torch

from gps_seg.delta import (
    Delta,
    DeltaInfo,
    merged_state,
    quantized,
    rounded,
)
from gps_seg.delta.change import Change
from gps_seg.delta.reports.difference import (
    differences,
    differing_facts,
    format_differences,
)
from gps_seg.delta.values import Exact


def entries(change):
    if change.indices is None:
        return set(range(change.shape.numel()))
    return set(change.indices.tolist())


def test_shares_and_largest_difference_are_those_of_the_dense_tensors(
    delta, other, base
):
    tuned = [merged_state(base, one) for one in (delta, other)]

    rows = differences(delta, other)

    assert [row.name for row in rows] == sorted(delta.changes)
    for row in rows:
        first, second = delta.changes[row.name], other.changes[row.name]
        common = sorted(entries(first) & entries(second))
        union = entries(first) | entries(second)
        assert row.sizes == (len(entries(first)), len(entries(second)))
        assert row.common == len(common)
        assert row.share == pytest.approx(len(common) / len(union))
        one, two = (t[row.name].flatten()[common] for t in tuned)
        if common:
            gap = (one.double() - two.double()).abs().max()
            assert row.largest == float(gap)
        else:
            assert row.largest is None
    assert any(row.largest for row in rows)
    assert any(0 < row.share < 1 for row in rows)


def test_a_delta_equals_itself(delta):
    rows = differences(delta, delta)

    assert all(row.is_equal and row.same_base for row in rows)
    assert {row.largest for row in rows} == {0.0}
    text = format_differences(rows)
    assert text == (
        f'{len(rows)} of {len(rows)} tensors are equal, entries in common: '
        f'{sum(row.common for row in rows):,} (100.0 %)'
    )


def test_one_bit_makes_a_tensor_differ(delta):
    change = delta.changes['head.weight']
    numbers = change.values.numbers.clone()
    numbers[3] = torch.nextafter(numbers[3], torch.tensor(9.0))
    changes = {
        **delta.changes,
        'head.weight': replace(change, values=Exact(numbers)),
    }

    rows = differences(delta, Delta(changes))

    unequal = [row for row in rows if not row.is_equal]
    assert [row.name for row in unequal] == ['head.weight']
    assert 0 < unequal[0].largest < 1e-6


def test_other_entries_make_a_tensor_differ(delta):
    name = 'backbone.2.weight'
    change = delta.changes[name]
    part = replace(
        change,
        indices=change.indices[1:],
        values=Exact(change.values.numbers[1:]),
    )
    row = next(
        row
        for row in differences(delta, Delta({**delta.changes, name: part}))
        if row.name == name
    )

    assert row.largest == 0
    assert not row.is_equal
    assert row.same_base is None


def test_a_tensor_that_only_one_has(delta):
    rest = delta.restricted(lambda name: name != 'head.weight')

    for pair, sizes in (((delta, rest), (12, 0)), ((rest, delta), (0, 12))):
        row = next(r for r in differences(*pair) if r.name == 'head.weight')
        assert (row.sizes, row.common, row.share) == (sizes, 0, 0)
        assert not row.is_equal


def test_heads_of_other_shapes_have_nothing_in_common(delta):
    wide = Change(torch.Size([3]), torch.float32, Exact(torch.zeros(3)))
    changes = {**delta.changes, 'head.weight': wide}

    row = next(
        row
        for row in differences(delta, Delta(changes))
        if row.name == 'head.weight'
    )

    assert (row.sizes, row.common, row.largest) == ((12, 3), 0, None)


def test_rounded_values_are_compared_as_they_are_applied(delta, base):
    half = rounded(delta, torch.float16)

    for row in differences(delta, half):
        change = delta.changes[row.name]
        exact = change.values.numbers
        applied = half.changes[row.name].values.numbers.to(exact.dtype)
        gap = (exact.double() - applied.double()).abs().max()
        assert row.largest == float(gap)


def test_quantized_deltas_need_no_base_between_themselves(delta, base):
    pair = [quantized(base, delta, bits=bits) for bits in (2, 8)]
    name = 'backbone.2.bias'
    tables = [
        change.values.table()[change.values.codes.long()].double()
        for change in (one.changes[name] for one in pair)
    ]

    row = next(row for row in differences(*pair) if row.name == name)

    assert row.largest == float((tables[0] - tables[1]).abs().max())


def test_one_quantized_delta_is_compared_by_the_base(delta, base):
    coarse = quantized(base, delta, bits=2)
    name = 'backbone.2.bias'
    unknown = {row.name: row for row in differences(delta, coarse)}[name]

    known = {row.name: row for row in differences(delta, coarse, base)}[name]

    assert unknown.largest is None
    assert unknown.common == known.common == 300
    tuned = merged_state(base, coarse)[name]
    gap = (tuned.double() - delta.changes[name].values.numbers.double()).abs()
    assert known.largest == float(gap.max())


def test_other_bases_are_told(delta):
    change = replace(delta.changes['backbone.2.bias'], base='0' * 32)
    stranger = Delta({**delta.changes, 'backbone.2.bias': change})

    rows = differences(delta, stranger)

    assert [row.name for row in rows if row.same_base is False] == [
        'backbone.2.bias'
    ]
    assert 'have different bases: 1 tensors' in format_differences(rows)


def test_the_table_lists_what_differs(delta, other):
    text = format_differences(differences(delta, other))

    lines = text.splitlines()
    # Both tasks move the running mean by the same.
    assert lines[0].startswith('1 of 7 tensors are equal')
    assert 'running_mean' not in text
    row = next(line for line in lines if line.startswith('head.weight'))
    assert row.split()[1:5] == ['12', '12', '100.0', '%']


def test_facts_that_differ_are_named(delta, other):
    info = replace(delta.info, metric={'mDice': 88.5}, config='')

    assert differing_facts(delta.info, delta.info) == []
    assert differing_facts(delta.info, info) == ['config', 'metric']
    assert 'classes' in differing_facts(delta.info, DeltaInfo())
