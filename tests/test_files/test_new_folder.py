# Copyright (c) gps_seg contributors. Apache-2.0.
"""A folder is complete under its name, or not there."""

import os
import signal
import subprocess
import sys

import pytest

from gps_seg.files import new_folder, require_new_or_empty

KILLED = """
import os, signal, sys
from pathlib import Path
from gps_seg.files import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / 'half').write_text('half')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_goes_with_the_next_folder(tmp_path):
    target = tmp_path / 'out'
    killed = subprocess.run(
        [sys.executable, '-c', KILLED, str(target)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1 and not target.exists()
    with new_folder(target) as folder:
        (folder / 'whole').touch()
    assert list(tmp_path.iterdir()) == [target]
    assert [file.name for file in target.iterdir()] == ['whole']


def test_a_folder_that_is_being_made_is_left_alone(tmp_path):
    target = tmp_path / 'out'
    with new_folder(target) as slow:
        (slow / 'slow').touch()
        with new_folder(target):
            pass
        assert (slow / 'slow').exists()
    assert [file.name for file in target.iterdir()] == ['slow']
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_has_the_permissions_of_any_new_folder(tmp_path):
    before = os.umask(0o077)
    try:
        with new_folder(tmp_path / 'out'):
            pass
        (tmp_path / 'usual').mkdir()
    finally:
        os.umask(before)
    modes = {folder.stat().st_mode for folder in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_folder_with_files_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    for target in (tmp_path, tmp_path / 'file'):
        with pytest.raises(FileExistsError, match='new or empty'):
            require_new_or_empty(target)
    require_new_or_empty(tmp_path / 'new')
