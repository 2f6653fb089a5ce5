# Copyright (c) gps_seg contributors. Apache-2.0.
"""The literal examples of docstrings: which there are, and how one runs."""

import inspect
import sys
from pathlib import Path
from typing import Any

from docstrings import literal_example
from public_names import classes_and_functions, packages_that_export

REPO = Path(__file__).resolve().parents[2]


def names_with_an_example() -> list[str]:
    """Names of the classes and functions with a literal example, in order.

    What several packages export counts once.
    """
    values = {
        value
        for face in packages_that_export(REPO)
        for value in classes_and_functions(face).values()
        if literal_example(inspect.getdoc(value) or '')
    }
    return sorted(value.__name__ for value in values)


def run_example(value: Any, **names: Any) -> dict[str, Any]:
    """Run the literal example of a class or function as it stands.

    Like a doctest, it sees what its module has. What it takes from elsewhere
    is given.

    Args:
        value: Class or function with the example.
        **names: Values that the text uses without making them.

    Returns:
        All names as the example leaves them.
    """
    text = literal_example(inspect.getdoc(value) or '')
    assert text, f'{value.__name__} has no literal example'
    left = {**vars(sys.modules[value.__module__]), **names}
    exec(compile(text, f'<example of {value.__name__}>', 'exec'), left)
    return left
