# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the source text says in words: docstrings, comments, messages."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SECTIONS = ('Args:', 'Attributes:')
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Docstring(NamedTuple):
    """One docstring.

    Attributes:
        line: Line of the definition, 1 for a module.
        name: Name of the definition, empty for a module.
        text: Text without the indentation.
    """

    line: int
    name: str
    text: str


class Entry(NamedTuple):
    """One entry of an ``Args:`` or ``Attributes:`` section.

    Attributes:
        name: Name of the argument.
        text: Description, on one line.
    """

    name: str
    text: str


def docstrings(source: str) -> Iterator[Docstring]:
    """Yield the docstrings of a module and of all that it defines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented):
            text = ast.get_docstring(node)
            if text is not None:
                name = getattr(node, 'name', '')
                yield Docstring(getattr(node, 'lineno', 1), name, text)


def entries(text: str) -> list[Entry]:
    """Return the entries of all sections of a docstring, in order."""
    found: list[Entry] = []
    indent = None
    for line in inspect.cleandoc(text).splitlines():
        depth = len(line) - len(line.lstrip())
        if line in SECTIONS:
            indent = 0
        elif line and not depth:
            indent = None
        if indent is None or not depth:
            continue
        indent = indent or depth
        head = re.fullmatch(r'(\*{0,2}\w+): (.*)', line.strip())
        if depth == indent and head:
            found.append(Entry(*head.groups()))
        elif found:
            last = found.pop()
            found.append(last._replace(text=f'{last.text} {line.strip()}'))
    return found


def literal_example(text: str) -> str:
    """Return the block below ``Example::``, empty without one."""
    match = re.search(r'^Example::\n((?:\n|    .*\n?)+)', text, re.MULTILINE)
    return textwrap.dedent(match[1]).strip() if match else ''


def words_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every comment and string."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (
            tokenize.COMMENT,
            tokenize.STRING,
            getattr(tokenize, 'FSTRING_MIDDLE', tokenize.STRING),
        ):
            yield token.start[0], token.string


def source_files(root: Path, folders: tuple[str, ...]) -> list[Path]:
    """Return the Python files below some folders of the source tree."""
    return sorted(
        file for folder in folders for file in (root / folder).rglob('*.py')
    )
