"""One line for an error that a user can act on; a traceback for a bug."""

import argparse

import pytest

from gps_seg.command_line import run_tool


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog='tool')


def failing(error):
    def run(args):
        raise error

    return run


def test_the_text_is_printed(parser, capsys):
    assert run_tool(parser, lambda args: 'done', []) == 0

    assert capsys.readouterr().out == 'done\n'


@pytest.mark.parametrize('kind', [ValueError, FileNotFoundError, ImportError])
def test_an_error_of_the_user_is_one_line(parser, capsys, kind):
    assert run_tool(parser, failing(kind('k: expected 1')), []) == 1

    assert capsys.readouterr().err == 'tool: k: expected 1\n'


def test_its_traceback_can_be_had(parser):
    with pytest.raises(ValueError, match='expected 1'):
        run_tool(parser, failing(ValueError('expected 1')), ['--traceback'])


def test_a_bug_keeps_its_traceback(parser):
    with pytest.raises(ZeroDivisionError):
        run_tool(parser, failing(ZeroDivisionError()), [])


def test_an_interruption_has_the_status_of_the_shell(parser, capsys):
    assert run_tool(parser, failing(KeyboardInterrupt()), []) == 130

    assert 'Traceback' not in capsys.readouterr().err
