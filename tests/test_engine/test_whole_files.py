"""Files that are there whole or not at all."""

import errno
import json
from pathlib import Path

import pytest

from gps_seg.engine.whole_files import replacing, write_json, write_text


def test_a_file_is_replaced(tmp_path):
    target = tmp_path / 'x.json'
    target.write_text('old')
    write_json({'a': 1}, target)
    assert json.loads(target.read_text()) == {'a': 1}
    write_text('new', target)
    assert target.read_text() == 'new'
    assert [file.name for file in tmp_path.iterdir()] == ['x.json']


def test_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / 'x.json'
    target.write_text('old')
    write = Path.write_text

    def write_half(path, text, **options):
        write(path, text[:3], **options)
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Path, 'write_text', write_half)
    with pytest.raises(OSError, match='No space left'):
        write_json({'a': 1}, target)

    assert [file.name for file in tmp_path.iterdir()] == ['x.json']
    assert target.read_text() == 'old'


def test_the_target_is_untouched_until_the_end(tmp_path):
    target = tmp_path / 'x'
    target.write_text('old')
    with replacing(target) as partial:
        partial.write_text('new')
        assert target.read_text() == 'old'
    assert target.read_text() == 'new'
