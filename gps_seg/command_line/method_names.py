# Copyright (c) gps_seg contributors. Apache-2.0.
"""The names of the tuning methods, for the help of a tool."""

import ast
from pathlib import Path

_TABLE = Path(__file__).parents[1] / 'peft' / '__init__.py'


def method_names() -> list[str]:
    """Keys of :data:`gps_seg.peft.METHODS`, sorted.

    They are read from the source: an import of the table would take seconds,
    because it imports PyTorch.

    Example:
        >>> method_names()[:3]
        ['adapter', 'adaptformer', 'bias']
    """
    for node in ast.parse(_TABLE.read_text(encoding='utf-8')).body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.value, ast.Dict)
            and ast.unparse(node.target) == 'METHODS'
        ):
            return sorted(map(ast.literal_eval, filter(None, node.value.keys)))
    raise LookupError(f'expected a table METHODS in {_TABLE}, got none')
