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
