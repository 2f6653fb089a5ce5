"""The overlap by kind, block and pair, counted with sets of entries."""

import itertools

import pytest
import torch

from gps_seg.delta import Delta, overlap
from gps_seg.delta.change import Change
from gps_seg.delta.reports.overlap import (
    expected_common,
    format_overlap,
    labels_of,
    overlap_by_kind,
    overlap_by_place,
    pairwise_shares,
)
from gps_seg.delta.values import Exact

SHAPES = {
    'backbone.layers.0.fc.weight': (4, 6),
    'backbone.layers.0.qkv.weight': (6, 4),
    'backbone.layers.1.fc.weight': (4, 6),
    'backbone.stem.weight': (3, 5),
}
BASE = '0' * 32


def make_delta(entries):
    """A delta of given flat indices, by name."""
    changes = {}
    for name, flat in entries.items():
        values = Exact(torch.zeros(len(flat)))
        shape = torch.Size(SHAPES[name])
        indices = torch.tensor(sorted(flat), dtype=torch.int64)
        changes[name] = Change(shape, torch.float32, values, indices, BASE)
    return Delta(changes)


@pytest.fixture
def entries():
    """Three tasks: the indices of each, by name; one lacks the stem."""
    tasks = []
    for task in range(3):
        chosen = {
            name: set(torch.randperm(shape[0] * shape[1])[: 5 + task].tolist())
            for name, shape in SHAPES.items()
        }
        tasks.append(chosen)
    del tasks[2]['backbone.stem.weight']
    return tasks


@pytest.fixture
def deltas(entries):
    return [make_delta(task) for task in entries]


def pairs(task, part=''):
    """All entries of a task as pairs of name and index."""
    return {(n, i) for n, flat in task.items() for i in flat if part in n}


@pytest.mark.parametrize(('kind', 'place'), [('fc', 1), ('qkv', 2)])
def test_kinds_are_counted_together(entries, deltas, kind, place):
    rows = overlap_by_kind(overlap(deltas))

    assert [row.name for row in rows] == ['stem', 'fc', 'qkv', 'total']
    sets = [pairs(task, f'.{kind}.') for task in entries]
    assert rows[place].sizes == tuple(map(len, sets))
    assert rows[place].common == len(set.intersection(*sets))
    assert rows[place].union == len(set.union(*sets))


def test_places_are_block_and_kind(entries, deltas):
    places = overlap_by_place(deltas)

    assert set(places) == {
        ('', 'stem'),
        ('layers.0', 'fc'),
        ('layers.0', 'qkv'),
        ('layers.1', 'fc'),
    }
    sets = [pairs(task, 'layers.1.fc') for task in entries]
    cell = places[('layers.1', 'fc')]
    assert cell.common == len(set.intersection(*sets))
    assert cell.union == len(set.union(*sets))


def test_pairs_make_a_symmetric_matrix(entries, deltas):
    shares = pairwise_shares(deltas)

    for i, j in itertools.product(range(3), repeat=2):
        one, other = pairs(entries[i]), pairs(entries[j])
        expected = len(one & other) / len(one | other)
        assert shares[i][j] == pytest.approx(expected)


def test_chance_is_the_mean_of_random_draws(deltas):
    name = 'backbone.layers.1.fc.weight'
    sizes = [len(delta.selection[name]) for delta in deltas]
    draws = torch.rand(20_000, len(sizes), 24).argsort(dim=-1)
    ranks = torch.tensor(sizes).view(1, -1, 1)
    common = (draws < ranks).all(dim=1).sum(dim=-1).double()

    expected = expected_common(deltas)[name]

    assert expected == pytest.approx(common.mean().item(), abs=0.02)


def test_one_entry_in_each_neuron_by_chance():
    """The expectation does not ask whether neurons compete."""
    two = [make_delta({'backbone.layers.0.fc.weight': [0, 7, 14, 21]})] * 2

    by_neuron = 4 * (1 / 6)
    assert expected_common(two) == {
        'backbone.layers.0.fc.weight': pytest.approx(by_neuron)
    }


def test_the_table_has_a_row_per_kind_and_pair(deltas):
    rows = {row.name: row for row in overlap(deltas)}
    shares = pairwise_shares(deltas)

    text = format_overlap(deltas, ['a', 'b', 'c'])

    by_kind, by_pair = text.split('\n\n')
    last = by_kind.splitlines()[-1].split()
    total = rows['total']
    assert last[0] == 'total'
    assert f'{total.common:,}' in last and f'{total.union:,}' in last
    assert last[-2] == f'{100 * total.share:.1f}'
    assert by_pair.splitlines()[1].split()[:4] == [
        'a', '100.0', '%', f'{100 * shares[0][1]:.1f}',
    ]  # fmt: skip


def test_two_deltas_need_no_table_of_pairs(deltas):
    assert '\n\n' not in format_overlap(deltas[:2], ['a', 'b'])


def test_deltas_without_selection_are_refused():
    with pytest.raises(
        ValueError, match='got only tensors that are replaced whole'
    ):
        format_overlap([Delta({}), Delta({})], ['a', 'b'])


@pytest.mark.parametrize(
    ('paths', 'labels'),
    [
        (['x/polyps.safetensors', 'x/skin.safetensors'], ['polyps', 'skin']),
        (['a/delta.safetensors', 'b/delta.safetensors'], ['a', 'b']),
        (
            ['a/x/delta.safetensors', 'b/x/delta.safetensors'],
            ['a/x/delta.safetensors', 'b/x/delta.safetensors'],
        ),
    ],
)
def test_labels_tell_files_apart(paths, labels):
    assert labels_of(paths) == labels
