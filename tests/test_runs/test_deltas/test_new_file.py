"""Results never go over what is there."""

import pytest

from gps_seg.delta import Delta
from gps_seg.files import require_new
from gps_seg.runs.deltas.new_file import save_new


@pytest.fixture
def delta(delta_file) -> Delta:
    return Delta.load(delta_file)


def test_a_new_name_is_taken(tmp_path):
    path = tmp_path / 'a/b.PNG'

    assert require_new(path, '.pth', '.png') == path
    assert not path.parent.exists()


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r'ends in \.pth or \.png, got .*x\.pt'
    ):
        require_new(tmp_path / 'x.pt', '.pth', '.png')


@pytest.mark.parametrize('kind', ['file', 'folder', 'dangling'])
def test_what_is_there_is_kept(tmp_path, delta, kind):
    path = tmp_path / 'new.safetensors'
    if kind == 'file':
        path.write_bytes(b'precious')
    elif kind == 'folder':
        path.mkdir()
    else:
        path.symlink_to(tmp_path / 'later')

    with pytest.raises(FileExistsError, match='expected a new file'):
        save_new(delta, path)

    there = sorted(p.name for p in tmp_path.iterdir())
    assert there == ['delta.safetensors', 'new.safetensors']
    assert kind != 'file' or path.read_bytes() == b'precious'


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / 'file').touch()

    with pytest.raises(NotADirectoryError, match='expected a folder'):
        require_new(tmp_path / 'file/b/c.png', '.png')


def test_saving_makes_the_folder_and_tells_the_size(tmp_path, delta):
    path = tmp_path / 'a/b/delta.safetensors'

    assert save_new(delta, path) == path.stat().st_size
    assert Delta.load(path).changes.keys() == delta.changes.keys()
