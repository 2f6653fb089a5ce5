"""tools/delta.py as a user runs it, on the demo's model."""

import pytest
from demo_tasks import DemoTasks
from run_tool import run_tool


@pytest.fixture(scope='session')
def case(tmp_path_factory):
    return DemoTasks(tmp_path_factory.mktemp('case'))


@pytest.fixture
def run(capsys):
    """Run the tool in this process; gives status, output and errors."""

    def call(*arguments):
        status = 0
        try:
            run_tool('delta.py', *arguments)
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def succeed(run):
    """Run the tool; gives its output."""

    def call(*arguments):
        status, out, err = run(*arguments)
        assert status == 0, err
        return out

    return call


@pytest.fixture
def fail(run):
    """Run the tool; gives the one line that it ends with."""

    def call(*arguments):
        status, _, err = run(*arguments)
        assert status == 1
        assert err.count('\n') == 1, err
        return err

    return call
