"""A selection is checked, hashed and survives a round trip."""

import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from gps_seg.sparse import Selection

SHAPES = {'a.weight': torch.Size([3, 4]), 'b.weight': torch.Size([2, 2, 1, 1])}


def make(a=(0, 5, 11), b=(1, 3)):
    return Selection(
        {'b.weight': torch.tensor(b), 'a.weight': torch.tensor(a)}, SHAPES
    )


def test_it_is_a_sorted_mapping_and_counts():
    selection = make()
    assert list(selection) == ['a.weight', 'b.weight']
    assert selection.num_selected == 5
    assert selection['a.weight'].tolist() == [0, 5, 11]


def test_the_hash_tells_selections_apart():
    assert make().hash == make().hash
    assert make().hash != make(a=(0, 5, 10)).hash
    other = Selection(dict(make()), {**SHAPES, 'a.weight': torch.Size([4, 3])})
    assert other.hash != make().hash


def test_round_trip(tmp_path):
    path = tmp_path / 'selection.safetensors'
    make().save(path)
    loaded = Selection.load(path)
    assert loaded.hash == make().hash
    assert loaded.shapes == SHAPES
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ('indices', 'message'),
    [
        ((0, 5, 12), r'\[0, 12\)'),
        ((-1, 5), r'\[0, 12\)'),
        ((5, 0), 'strictly increasing'),
        ((5, 5), 'strictly increasing'),
        ((0.0, 1.0), 'int64'),
    ],
)
def test_bad_indices_name_the_weight(indices, message):
    with pytest.raises(ValueError, match=rf'{message}.*a\.weight'):
        make(a=indices)


def test_names_must_agree():
    with pytest.raises(ValueError, match=r"\['b\.weight'\]"):
        Selection({'a.weight': torch.tensor([0])}, SHAPES)


def test_an_empty_selection_is_one():
    assert Selection({}, {}).num_selected == 0


def test_load_refuses_what_is_no_selection(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        Selection.load(tmp_path / 'nowhere')
    broken = tmp_path / 'broken.safetensors'
    broken.write_bytes(b'\x00' * 40)
    with pytest.raises(ValueError, match='expected a safetensors file'):
        Selection.load(broken)
    unshaped = tmp_path / 'unshaped.safetensors'
    save_file(
        {'x': torch.tensor([1])},
        unshaped,
        {'format': 'gps_seg.selection', 'version': '1'},
    )
    with pytest.raises(ValueError, match='a shape for every weight'):
        Selection.load(unshaped)
    foreign = tmp_path / 'foreign.safetensors'
    save_file({'x': torch.ones(2)}, foreign)
    with pytest.raises(ValueError, match='expected format'):
        Selection.load(foreign)


def test_load_notices_a_change(tmp_path):
    path = tmp_path / 'selection.safetensors'
    make().save(path)
    raw = path.read_bytes()
    assert load_file(path)['a.weight'].tolist() == [0, 5, 11]
    old, new = (torch.tensor([n]).numpy().tobytes() for n in (5, 6))
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, new))
    with pytest.raises(ValueError, match='The file was changed'):
        Selection.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'selection.safetensors'
    make().save(path)
    before = path.read_bytes()

    def full_disk(handle):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full_disk)
    with pytest.raises(OSError, match='No space left'):
        make(a=(1, 2)).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_saved_file_has_the_usual_permissions(tmp_path):
    make().save(tmp_path / 'selection.safetensors')
    (tmp_path / 'usual').touch()
    modes = {file.stat().st_mode for file in tmp_path.iterdir()}
    assert len(modes) == 1


def test_overlap_is_the_share_of_the_other_that_both_have():
    shapes = {'a': torch.Size((2, 5)), 'b': torch.Size((4,))}
    first = Selection(
        {'a': torch.tensor([0, 3, 9]), 'b': torch.tensor([1])}, shapes
    )
    second = Selection({'a': torch.tensor([3, 4, 9])}, {'a': shapes['a']})
    assert first.overlap(first) == 1
    assert first.overlap(second) == pytest.approx(2 / 3)
    assert second.overlap(first) == pytest.approx(2 / 4)
    with pytest.raises(ValueError, match='entries to compare with'):
        first.overlap(Selection({}, {}))
