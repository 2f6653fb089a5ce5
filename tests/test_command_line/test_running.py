"""One line for an error that a user can act on; a traceback for a bug."""

import argparse
import io
import subprocess
import sys

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


def test_a_stranger_cannot_steer_the_terminal(parser, capsys):
    """Texts may come from a file that somebody else made."""
    assert run_tool(parser, lambda args: 'a\x1b[2Jb', []) == 0

    assert capsys.readouterr().out == 'a\\x1b[2Jb\n'


def test_a_terminal_without_the_letter_shows_its_number(parser, monkeypatch):
    """As under LANG=C, or where Windows has an old code page."""
    written = io.BytesIO()
    screen = io.TextIOWrapper(written, encoding='ascii')
    monkeypatch.setattr(sys, 'stdout', screen)

    assert run_tool(parser, lambda args: 'Königs/darm', []) == 0

    assert written.getvalue() == b'K\\xf6nigs/darm\n'


def test_nor_can_an_error(parser, capsys):
    assert run_tool(parser, failing(ValueError('a\x1b[2Jb')), []) == 1

    assert '\x1b' not in capsys.readouterr().err


@pytest.mark.parametrize('kind', [ValueError, FileNotFoundError, ImportError])
def test_an_error_of_the_user_is_one_line(parser, capsys, kind):
    assert run_tool(parser, failing(kind('k: expected 1')), []) == 1

    assert capsys.readouterr().err == 'tool: k: expected 1\n'


def test_its_traceback_can_be_had(parser):
    with pytest.raises(ValueError, match='expected 1'):
        run_tool(parser, failing(ValueError('expected 1')), ['--traceback'])


@pytest.mark.parametrize(
    'arguments', [['--traceback', 'go'], ['go', '--traceback']]
)
def test_the_traceback_can_be_asked_for_around_a_subcommand(parser, arguments):
    parser.add_subparsers().add_parser('go')

    with pytest.raises(ValueError, match='expected 1'):
        run_tool(parser, failing(ValueError('expected 1')), arguments)


def test_a_bug_keeps_its_traceback(parser):
    with pytest.raises(ZeroDivisionError):
        run_tool(parser, failing(ZeroDivisionError()), [])


def test_an_interruption_has_the_status_of_the_shell(parser, capsys):
    assert run_tool(parser, failing(KeyboardInterrupt()), []) == 130

    assert 'Traceback' not in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error():
    """As in ``tool | head``: nothing is left to be said to anybody."""
    code = (
        'import argparse, sys\n'
        'from gps_seg.command_line import run_tool\n'
        "text = 'line\\n' * 100_000\n"
        'sys.exit(run_tool(argparse.ArgumentParser(), lambda a: text, []))'
    )
    with subprocess.Popen(
        [sys.executable, '-c', code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b''
