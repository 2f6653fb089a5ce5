"""A run that fails before it begins leaves its work directory as it was."""

from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger

from gps_seg.runs.failed_start import leaving_no_trace


def config_of(work_dir):
    return SimpleNamespace(work_dir=str(work_dir), filename='configs/mine.py')


def start(work_dir, begun, error=ValueError):
    with (
        pytest.raises(error),
        leaving_no_trace(config_of(work_dir), lambda: begun),
    ):
        fail(work_dir, error)


def fail(work_dir, error):
    """After what MMEngine writes before it opens the data."""
    log = work_dir / '20260101_000000/x.log'
    log.parent.mkdir(parents=True)
    MMLogger.get_instance('x', log_file=str(log)).info('Config')
    (work_dir / 'mine.py').write_text('new')
    raise error


def tree(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob('*'))


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_new_work_directory_is_gone(tmp_path, error):
    start(tmp_path / 'a/b', begun=False, error=error)
    assert tree(tmp_path) == []


def test_what_was_there_stays(tmp_path):
    (tmp_path / '20250101_000000').mkdir()
    (tmp_path / 'mine.py').write_text('old')
    (tmp_path / 'other.py').write_text('other')
    start(tmp_path, begun=False)
    assert tree(tmp_path) == ['20250101_000000', 'mine.py', 'other.py']
    assert (tmp_path / 'mine.py').read_text() == 'old'


def test_the_log_of_a_run_that_began_stays(tmp_path):
    start(tmp_path / 'run', begun=True)
    assert '20260101_000000/x.log' in tree(tmp_path / 'run')


def test_the_log_of_another_run_of_the_process_stays(tmp_path):
    log = tmp_path / 'other/20260101_000000/x.log'
    log.parent.mkdir(parents=True)
    MMLogger.get_instance('y', log_file=str(log))
    config = config_of(tmp_path / 'run')
    with pytest.raises(KeyError), leaving_no_trace(config, lambda: False):
        raise KeyError
    assert log.is_file()


def test_files_of_a_run_that_was_started_meanwhile_stay(tmp_path):
    """Two starts in one folder: the one that fails must not undo the other."""

    def fail_beside_another():
        with leaving_no_trace(config_of(tmp_path), lambda: False):
            (tmp_path / '20260101_000001').mkdir()
            (tmp_path / 'environment.json').write_text('{}')
            fail(tmp_path, KeyError)

    with pytest.raises(KeyError):
        fail_beside_another()
    assert tree(tmp_path) == ['20260101_000001', 'environment.json', 'mine.py']
