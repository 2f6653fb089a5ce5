"""Files of weights: what is read, what is refused, what is written."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gps_seg.models.weight_files import (
    read_provenance,
    read_tensors,
    write_safetensors,
)


def test_bytes_do_not_depend_on_the_order_of_facts(tmp_path: Path) -> None:
    tensors = {'x': torch.arange(3.0), 'y': torch.ones(2)}
    facts = {'format': 'a', 'source_file': 'b', 'more': 'c'}
    path = tmp_path / 'new/w.safetensors'
    assert write_safetensors(path, tensors, facts)
    in_reverse = dict(reversed(facts.items()))
    assert not write_safetensors(path, tensors, in_reverse)
    assert read_provenance(path) == facts
    assert torch.equal(read_tensors(path)['x'], tensors['x'])


def test_other_facts_are_other_content(tmp_path: Path) -> None:
    path = tmp_path / 'w.safetensors'
    write_safetensors(path, {'x': torch.ones(1)}, {'source': 'a'})
    with pytest.raises(FileExistsError, match='expected a new file'):
        write_safetensors(path, {'x': torch.ones(1)}, {'source': 'b'})


@pytest.mark.parametrize('umask', [0o022, 0o077])
def test_written_file_is_readable_as_the_user_wants(
    tmp_path: Path, umask: int
) -> None:
    path = tmp_path / 'w.safetensors'
    before = os.umask(umask)
    try:
        write_safetensors(path, {'x': torch.ones(1)}, {})
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_foreign_file_has_no_provenance(tmp_path: Path) -> None:
    save_file({'x': torch.ones(1)}, tmp_path / 'w.safetensors')
    assert read_provenance(tmp_path / 'w.safetensors') == {}


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'got nothing at .+none\.pth'):
        read_tensors(tmp_path / 'none.pth')


def test_unknown_suffix(tmp_path: Path) -> None:
    (tmp_path / 'w.onnx').touch()
    with pytest.raises(ValueError, match=r"ending in .+, got 'w\.onnx'"):
        read_tensors(tmp_path / 'w.onnx')


@pytest.mark.parametrize(
    'content', [{'epoch': 3}, {'state_dict': {'x': 1.0}}, {'state_dict': 1}]
)
def test_pth_without_plain_tensors(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / 'w.pth')
    with pytest.raises(ValueError, match='expected a dictionary of tensors'):
        read_tensors(tmp_path / 'w.pth')


@pytest.mark.parametrize('kept', [0, 40, 400])
def test_truncated_pth(tmp_path: Path, kept: int) -> None:
    path = tmp_path / 'w.pth'
    torch.save({'x': torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r'plain values, got: .+w\.pth'):
        read_tensors(path)


def test_a_text_in_place_of_pth_is_said_to_be_of_another_kind(
    tmp_path: Path,
) -> None:
    (tmp_path / 'w.pth').write_text('hi\n')
    with pytest.raises(ValueError, match='got: a file of another kind'):
        read_tensors(tmp_path / 'w.pth')
