# Copyright (c) gps_seg contributors. Apache-2.0.
"""Each literal example has one test here that runs it."""

import ast
from pathlib import Path

from literal_examples import names_with_an_example

FILES = sorted(Path(__file__).parent.glob('test_*.py'))


def names_that_run(source: str) -> list[str]:
    """Names of what a test gives to ``run``, in order."""
    return [
        ast.unparse(node.args[0])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == 'run'
    ]


def test_each_literal_example_is_run_by_one_test():
    names = [
        name
        for file in FILES
        for name in names_that_run(file.read_text(encoding='utf-8'))
    ]
    assert sorted(names) == names_with_an_example()


def test_what_runs_is_found():
    source = 'def test_it(run):\n    assert run(CUB200)["a"] == call(B)'
    assert names_that_run(source) == ['CUB200']
