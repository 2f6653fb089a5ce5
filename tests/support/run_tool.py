"""A script of ``tools/``, run as a user does, but in this process."""

import runpy
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def run_tool(name, *arguments):
    """Run ``tools/<name>``; a process of its own would import for seconds.

    Raises SystemExit, like the tool, if its exit status is not 0.
    """
    tool = str(TOOLS / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [tool, *map(str, arguments)])
        try:
            runpy.run_path(tool, run_name='__main__')
        except SystemExit as end:
            if end.code:
                raise


def error_of_tool(capsys, name, *arguments):
    """What ``tools/<name>`` prints when it ends with status 1."""
    with pytest.raises(SystemExit) as end:
        run_tool(name, *arguments)
    error = capsys.readouterr().err
    assert end.value.code == 1, error
    assert 'Traceback' not in error
    return error
