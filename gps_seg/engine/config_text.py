# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read the text of a config as data.

MMEngine runs a config to read it, and a ``type`` in it may name any function
of any installed module, to be called when the model is built. The config that
comes with someone else's weights needs neither: its text, as
``Config.pretty_text`` gives it, is nothing but names and plain values, and its
types are those of OpenMMLab's registries.
"""

import ast
import os
import re
from pathlib import Path
from typing import Any

from mmengine.config import Config

# `AdamW`, `mmpretrain.VisionTransformer`, but not `os.system`.
_REGISTERED = re.compile(
    r'\w+|(mmseg|mmpretrain|mmdet|mmcv|mmengine)\.[A-Z]\w*'
)


def config_from_file(path: str | os.PathLike[str]) -> Config:
    """The config in a file; see :func:`config_from_text`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As :func:`config_from_text`; the file is named.
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
    """The config that ``pretty_text`` was taken of.

    Nothing in the text is run, and no module is imported that it names in
    ``custom_imports``.

    Args:
        text: Assignments of literals, containers of them and ``dict(...)``.

    Raises:
        ValueError: If there is anything else in it, or a type that is no name
            of a registry.
    """
    values = {}
    try:
        for statement in ast.parse(text).body:
            name, value = _assignment(statement)
            values[name] = ast.literal_eval(_DictCalls().visit(value))
        _check_types(values)
        return Config(values)
    except (
        *(SyntaxError, TypeError, ValueError, KeyError),
        *(MemoryError, RecursionError),  # of the parser, when nested deeply
    ) as error:
        raise ValueError(
            'config: expected assignments of plain values, as pretty_text '
            f'of a config gives them, got: {error}. A config that computes, '
            'inherits or names functions is read by Config.fromfile, which '
            'runs it.'
        ) from error


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        (target,) = statement.targets
        if isinstance(target, ast.Name):
            return target.id, statement.value
    raise ValueError(_place(statement))


def _place(node: ast.stmt | ast.expr) -> str:
    return f'line {node.lineno}, {ast.unparse(node)[:60]!r}'


class _DictCalls(ast.NodeTransformer):
    """``dict(a=1)`` and ``dict({'a': 1})`` into ``{'a': 1}``."""

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


def _check_types(value: Any) -> None:
    if isinstance(value, dict):
        kind = value.get('type')
        if isinstance(kind, str) and not _REGISTERED.fullmatch(kind):
            raise ValueError(f'type {kind!r}')
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _check_types(item)
