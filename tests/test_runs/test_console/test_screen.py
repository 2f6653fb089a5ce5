"""What of a log reaches the screen."""

import io
import logging
import sys
import warnings

import pytest
from mmengine.logging import MMLogger, print_log
from mmengine.runner import checkpoint

from gps_seg.runs.console import screen as module
from gps_seg.runs.console.screen import Console, quiet
from gps_seg.text.announcement import Announcement


@pytest.fixture
def screen():
    return io.StringIO()


def file_logger(folder):
    return MMLogger.get_instance('run', log_file=str(folder / 'run.log'))


def test_warnings_and_announcements_are_shown_the_rest_is_in_the_file(
    screen, tmp_path, capsys
):
    with Console(stream=screen):
        logger = file_logger(tmp_path)
        logger.info('Config: of 500 lines')
        logger.info(Announcement('Selecting: batch 1/2'))
        logger.warning('missing keys:\n\na, b')
        logger.error('broken')
    assert screen.getvalue().splitlines() == [
        'Selecting: batch 1/2',
        'warning: missing keys: a, b',
        'error: broken',
    ]
    assert capsys.readouterr() == ('', '')
    log = (tmp_path / 'run.log').read_text()
    for text in ('of 500 lines', 'batch 1/2', 'a, b', 'broken'):
        assert log.count(text) == 1


def test_what_is_logged_before_a_runner_is_there(screen, capsys):
    with Console(stream=screen):
        print_log('ignored', logger='current', level=logging.WARNING)
        print_log('unimportant', logger='current')
    assert screen.getvalue() == 'warning: ignored\n'
    assert capsys.readouterr().out == ''


def test_the_same_warning_is_shown_once_and_remarks_never(screen):
    with Console(stream=screen):
        logger = MMLogger.get_current_instance()
        for _ in range(2):
            logger.warning('look')
        logger.warning('"FileClient" will be deprecated in future.')
        logger.warning('The prefix is not set in metric class X.')
    assert screen.getvalue() == 'warning: look\n'


def test_a_long_warning_is_cut(screen, tmp_path):
    with Console(stream=screen):
        file_logger(tmp_path).warning('key ' * 1000)
    assert len(screen.getvalue()) < 700
    assert screen.getvalue().endswith('(in full in the log file)\n')
    assert len((tmp_path / 'run.log').read_text()) > 3000


@pytest.mark.filterwarnings('default')
def test_warnings_of_python_are_logged_and_shown(screen, tmp_path):
    before = warnings.showwarning
    with Console(stream=screen):
        file_logger(tmp_path)
        warnings.warn('slow', RuntimeWarning, stacklevel=1)
    assert screen.getvalue() == 'warning: RuntimeWarning: slow\n'
    assert 'RuntimeWarning: slow' in (tmp_path / 'run.log').read_text()
    assert warnings.showwarning is before


def test_what_mmengine_prints_is_logged(screen, tmp_path, capsys):
    with Console(stream=screen):
        file_logger(tmp_path)
        checkpoint.print_log('Loads checkpoint')
    assert screen.getvalue() == capsys.readouterr().out == ''
    assert 'Loads checkpoint' in (tmp_path / 'run.log').read_text()


def test_prints_of_users_and_debuggers_stay_visible(capsys):
    with Console() as console:
        MMLogger.get_instance('run')
        sys.stdout.write('mine\n')
        assert sys.stdout is console.stream
    assert capsys.readouterr().out == 'mine\n'


def test_prints_of_users_stay_visible_while_a_runner_is_built(capsys):
    with Console():
        logger = MMLogger.get_instance('run')
        sys.stdout.write('built\n')  # by the __init__ of a user's model
        logger.info('Config')
        sys.stdout.write('trained\n')
    assert capsys.readouterr().out == 'built\ntrained\n'


class Leaving(io.StringIO):
    """A screen whose reader leaves after the first line."""

    def write(self, text):
        if self.getvalue().endswith('\n'):
            raise BrokenPipeError(32, 'Broken pipe')
        return super().write(text)


def test_a_reader_who_leaves_does_not_end_the_run(tmp_path):
    screen = Leaving()
    with Console(stream=screen) as console:
        logger = file_logger(tmp_path)
        console.write('first')
        console.write('second')
        logger.error('third')
        logger.info('later')
    assert screen.getvalue() == 'first\n'
    log = (tmp_path / 'run.log').read_text()
    assert 'takes no more lines: [Errno 32] Broken pipe' in log
    assert 'later' in log


def test_a_log_call_whose_arguments_do_not_fit_ends_no_run(
    screen, tmp_path, monkeypatch
):
    monkeypatch.setattr(logging, 'raiseExceptions', False)
    with Console(stream=screen):
        logger = file_logger(tmp_path)
        logger.info('%d images', 'many')
        logger.warning('%d masks', 'many')
    assert screen.getvalue() == 'warning: %d masks\n'


def test_other_loggers_are_left_alone(screen, caplog):
    with Console(stream=screen):
        logging.getLogger('another').warning('theirs')
    assert screen.getvalue() == ''
    assert caplog.messages == ['theirs']


def test_only_errors_of_other_processes_are_shown(screen, monkeypatch):
    monkeypatch.setattr(module, 'get_rank', lambda: 1)
    with Console(stream=screen) as console:
        logger = MMLogger.get_current_instance()
        logger.warning('look')
        logger.info(Announcement('batch 1/2'))
        console.write('Finished')
        logger.error('broken')
    assert screen.getvalue() == 'error: broken\n'


@pytest.mark.parametrize('verbose', [False, True])
def test_everything_is_as_before_at_the_end(verbose):
    assert checkpoint.print_log is print_log
    before = logging.getLogRecordFactory()
    with pytest.raises(KeyError), Console(verbose):
        raise KeyError
    assert logging.getLogRecordFactory() is before
    assert checkpoint.print_log is print_log


def test_verbose_shows_all_as_mmengine_does(capsys):
    with Console(verbose=True) as console:
        logger = MMLogger.get_instance('run')
        logger.info('Config')
        console.write('Finished')
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith('Config')
    assert 'mmengine' in first
    assert second == 'Finished'


def test_quiet_shows_nothing_of_a_log(capsys):
    with quiet():
        logger = MMLogger.get_instance('run')
        logger.warning('look')
        sys.stdout.write('theirs')
    logger.warning('later')
    assert capsys.readouterr().out == ''
