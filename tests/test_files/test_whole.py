"""Files that are there whole or not at all."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import gps_seg.files.partial
from gps_seg.files import replacing, write_bytes, write_json, write_text


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
    write = Path.write_bytes

    def write_half(path, content):
        write(path, content[:3])
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', write_half)
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


@pytest.mark.parametrize('umask', [0o022, 0o077, 0o002])
def test_a_file_has_the_permissions_of_any_new_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        (tmp_path / 'usual').touch()
        write_bytes(b'x', tmp_path / 'bytes')
        with replacing(tmp_path / 'by-library.x') as partial:
            # As safetensors does it: a file of its own, renamed.
            closed = tmp_path / 'closed'
            closed.touch(mode=0o600)
            os.replace(closed, partial)
    finally:
        os.umask(before)
    modes = {file.name: file.stat().st_mode for file in tmp_path.iterdir()}
    assert set(modes) == {'usual', 'bytes', 'by-library.x'}
    assert len(set(modes.values())) == 1


def test_the_hidden_name_has_the_ending_of_the_file(tmp_path):
    with replacing(tmp_path / 'model.onnx') as partial:
        assert partial.suffix == '.onnx'
        assert partial.name.startswith('.model.')


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    precious = tmp_path / 'precious'
    precious.write_text('precious')
    tokens = iter(['0' * 32, '1' * 32])
    monkeypatch.setattr(
        gps_seg.files.partial,
        'uuid4',
        lambda: SimpleNamespace(hex=next(tokens)),
    )
    with replacing(tmp_path / 'x.json') as seen:
        pass
    planted = seen.with_name(seen.name.replace('0' * 8, '2' * 8))
    planted.symlink_to(precious)
    tokens = iter(['2' * 32, '3' * 32])
    write_text('new', tmp_path / 'x.json')
    assert precious.read_text() == 'precious'
    assert (tmp_path / 'x.json').read_text() == 'new'


def test_a_read_only_disk_is_told(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, 'Read-only file system')

    monkeypatch.setattr(os, 'open', refuse)
    monkeypatch.setattr(os, 'replace', refuse)
    monkeypatch.setattr(Path, 'unlink', refuse)
    with pytest.raises(OSError, match='Read-only.*No file was changed'):
        write_bytes(b'x', tmp_path / 'x')


def python(code, *args):
    """Another process."""
    return subprocess.Popen(
        [sys.executable, '-c', code, *map(str, args)], stderr=subprocess.PIPE
    )


WRITER = """
import sys
from gps_seg.files import write_bytes
for _ in range(100):
    write_bytes(sys.argv[2].encode() * 50_000, sys.argv[1])
"""


def test_processes_may_write_one_file(tmp_path):
    target = tmp_path / 'x'
    write_bytes(b'0' * 50_000, target)
    writers = [python(WRITER, target, letter) for letter in 'abc']
    read = set()
    while any(writer.poll() is None for writer in writers):
        read.add(target.read_bytes())
    errors = [writer.communicate()[1] for writer in writers]
    assert errors == [b'', b'', b'']
    whole = {bytes([letter]) * 50_000 for letter in b'0abc'}
    assert read <= whole
    assert list(tmp_path.iterdir()) == [target]


KILLED = """
import os, signal, sys
from gps_seg.files import replacing
with replacing(sys.argv[1]) as partial:
    partial.write_text('half')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_goes_with_the_next_file(tmp_path):
    target = tmp_path / 'x.json'
    other = tmp_path / '.y.partial-01234567.json'
    other.touch()
    for _ in range(2):
        killed = python(KILLED, target)
        assert killed.wait() == -signal.SIGKILL
        killed.stderr.close()
    assert len(list(tmp_path.iterdir())) == 3
    write_text('new', target)
    assert sorted(tmp_path.iterdir()) == [other, target]


def test_what_a_living_writer_writes_is_left_alone(tmp_path):
    target = tmp_path / 'x.json'
    with replacing(target) as partial:
        partial.write_text('slow')
        write_text('quick', target)
        assert partial.read_text() == 'slow'
    assert target.read_text() == 'slow'


def test_without_locks_only_old_leftovers_go(tmp_path, monkeypatch):
    monkeypatch.setattr(gps_seg.files.partial, 'fcntl', None)
    old, new = (tmp_path / f'.x.partial-{i * 8}.json' for i in '01')
    for file, age in ((old, 10**6), (new, 0)):
        file.touch()
        seconds = file.stat().st_mtime - age
        os.utime(file, (seconds, seconds))
    write_text('new', tmp_path / 'x.json')
    assert sorted(tmp_path.iterdir()) == [new, tmp_path / 'x.json']


def test_a_writer_that_was_taken_for_abandoned_begins_again(
    tmp_path, monkeypatch
):
    """Another process cleans up between making and locking a file."""
    lock, seen = gps_seg.files.partial._lock, []

    def lock_late(path):
        if not seen:
            path.unlink()
        seen.append(path)
        return lock(path)

    monkeypatch.setattr(gps_seg.files.partial, '_lock', lock_late)
    write_text('new', tmp_path / 'x')
    assert len(seen) == 2 and seen[0] != seen[1]
    assert (tmp_path / 'x').read_text() == 'new'


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='no pipes with names')
def test_a_pipe_of_a_hidden_name_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / '.x.partial-01234567.txt')
    code = (
        'import sys\n'
        'from gps_seg.files import write_text\n'
        'write_text("new", sys.argv[1])\n'
    )
    subprocess.run(
        [sys.executable, '-c', code, str(tmp_path / 'x.txt')],
        check=True,
        timeout=60,
    )
    assert [file.name for file in tmp_path.iterdir()] == ['x.txt']
