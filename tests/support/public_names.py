# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the packages of gps_seg export, found without a list of them."""

import ast
import importlib
import inspect
from pathlib import Path


def names_in(init: Path) -> list[str]:
    """Return ``__all__`` of a package, read from its source; else nothing."""
    for node in ast.parse(init.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == '__all__':
                return list(ast.literal_eval(node.value))
    return []


def packages_that_export(root: Path) -> dict[str, list[str]]:
    """Return the names that each package of a source tree exports."""
    found = {
        '.'.join(init.parent.relative_to(root).parts): names_in(init)
        for init in sorted((root / 'gps_seg').rglob('__init__.py'))
    }
    return {package: names for package, names in found.items() if names}


def classes_and_functions(package: str) -> dict[str, type]:
    """Return the classes and functions that a package exports."""
    module = importlib.import_module(package)
    named = {name: getattr(module, name) for name in module.__all__}
    return {
        name: value
        for name, value in named.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }
