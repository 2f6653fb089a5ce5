# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read the text of a config as data.

MMEngine runs a config in order to read it. A ``type`` in it may name any
function of any installed module, which is called when the model is built. A
config that comes with someone else's weights needs neither: its text, written
by ``Config.pretty_text``, contains only names and plain values. Only the part
that :mod:`gps_seg.engine.config.inference` keeps and checks is used.
"""

import ast
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.engine.config.inference import check, needed

MOST_CHARACTERS = 1_000_000
# The parser raises the last two for text that is nested too deeply.
_NOT_PLAIN = (SyntaxError, TypeError, ValueError, MemoryError, RecursionError)


def config_from_file(path: str | os.PathLike[str]) -> Config:
    """The config in a file; see :func:`config_from_text`.

    Args:
        path: File with the text of a config.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: See :func:`config_from_text`; the message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'config: expected a file, got nothing at {path}. Check the path.'
        )
    try:
        return config_from_text(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{error} ({path})') from error


def config_from_text(text: str) -> Config:
    """The part of a config that builds a model and predicts.

    Nothing in the text is run, no module that it names is imported, and no
    address is fetched. This also holds later, when
    :func:`gps_seg.engine.testing.task_model.build_base` builds the model and
    when the model is used. A file of weights that it names is read by the
    restricted loader.

    Args:
        text: Assignments of literals, containers of them and ``dict(...)``.

    Returns:
        Model, test pipeline, default scope, ``load_from`` and facts of the
        data sets; everything else in the text is left out.

    Raises:
        ValueError: If the text contains anything but plain values, or a model
            or pipeline with parts from outside MMSegmentation and MMPretrain.
    """
    values = values_from_text(text)
    try:
        kept = needed(values)
        check(kept)
    # OSError: a word is too long for the name of a file.
    except (ValueError, RecursionError, OSError) as error:
        raise ValueError(
            'config: expected parts of MMSegmentation and MMPretrain with '
            f'numbers, words and weights from a local file, got {error}. If '
            'you trust the config, read it with Config.fromfile, which runs '
            'its code.'
        ) from error
    return Config(kept)


def values_from_text(text: str) -> dict[str, Any]:
    """All values that the text of a config assigns, by name.

    Args:
        text: Assignments of plain values; see :func:`config_from_text`.

    Raises:
        ValueError: If there is anything but plain values in it.
    """
    values = {}
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f'{len(text)} characters')
        for statement in ast.parse(text).body:
            name, value = _assignment(statement)
            values[name] = ast.literal_eval(_DictCalls().visit(value))
    except _NOT_PLAIN as error:
        raise ValueError(
            'config: expected assignments of plain values, as '
            f'Config.pretty_text writes them, got: {error}. If you trust a '
            'config that computes or inherits, read it with Config.fromfile, '
            'which runs its code.'
        ) from error
    return values


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        (target,) = statement.targets
        if isinstance(target, ast.Name):
            return target.id, statement.value
    raise ValueError(_place(statement))


def _place(node: ast.stmt | ast.expr) -> str:
    return f'line {node.lineno}, {ast.unparse(node)[:60]!r}'


class _DictCalls(ast.NodeTransformer):
    """A visitor that turns ``dict(a=1)`` and ``dict({'a': 1})`` into literals.

    Literals are what ``ast.literal_eval`` can read.
    """

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name('dict'), [], keywords) if all(
                keyword.arg is not None for keyword in keywords
            ):
                names = [ast.Constant(keyword.arg) for keyword in keywords]
                return ast.Dict(names, [k.value for k in keywords])
            case ast.Call(ast.Name('dict'), [ast.Dict() as content], []):
                return content
        raise ValueError(_place(node))
