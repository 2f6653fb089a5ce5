# Copyright (c) gps_seg contributors. Apache-2.0.
"""The floors of the package: a file imports from its own floor or below.

Within a folder of the package the rooms, its sub-folders and single files,
form no circles. Imports are read from the syntax tree, so that optional
branches and function bodies count too. A new folder of the package must be
given a floor here.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = 'gps_seg'
FLOORS = {
    '': 0,  # gps_seg/__init__.py
    'files': 0,
    'text': 0,
    'command_line': 1,
    'stack': 0,
    '__main__': 0,
    'sparse': 1,
    'additions': 2,
    'peft': 3,
    'delta': 3,
    'datasets': 4,
    'comparison': 4,
    'evaluation': 4,
    'execution': 4,
    'models': 4,
    'visualization': 4,
    'engine': 5,
    'benchmark': 5,
    'export': 5,
    'runs': 6,
    'app': 7,
}
# What a floor may import besides the standard library and lower floors;
# floors that are not named may import any package, save what lies above.
THIRD_PARTY = {
    0: {'numpy', 'torch'},
    1: {'numpy', 'safetensors', 'torch'},
    2: {'numpy', 'safetensors', 'torch'},
    3: {'numpy', 'safetensors', 'torch'},
}
# Optional libraries, each with the only file that may import it on a floor
# that is named above.
OPTIONAL = {'peft': 'gps_seg/additions/peft_library/importing.py'}
ABOVE_THE_PACKAGE = {'tools', 'configs', 'tests'}
MOST_MODULES = 20  # in one folder: about what a reader takes in at a glance


def breaches(root: Path) -> list[str]:
    """Describe every import in ``root / 'gps_seg'`` that breaks a rule."""
    return [
        f'{file.relative_to(root)}:{line}: {reason}'
        for file in package_files(root)
        for line, reason in file_breaches(root, file)
    ]


def package_files(root: Path) -> list[Path]:
    return sorted((root / PACKAGE).rglob('*.py'))


def file_breaches(root: Path, file: Path) -> Iterator[tuple[int, str]]:
    home = folder_of(file.relative_to(root).with_suffix('').parts)
    if home not in FLOORS:
        yield 1, f'{home} has no floor'
        return
    tree = ast.parse(file.read_text(encoding='utf-8'))
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    # gps_seg/__init__.py loads these names lazily; type checkers see them.
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if home == '' and isinstance(branch, ast.If)
        if ast.unparse(branch.test) == 'TYPE_CHECKING'
        for node in branch.body
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        for name in imported_names(node):
            if is_optional(root, file, name) and id(node) in late:
                continue
            reason = breach(home, name, late=id(node) in late)
            if reason:
                yield node.lineno, reason


def imported_names(node: ast.AST) -> list[str]:
    """Dotted names of what a statement imports; relative ones start in '.'."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = '.' * node.level + (node.module or '')
        return [f'{module}.{alias.name}' for alias in node.names]
    return []


def is_optional(root: Path, file: Path, name: str) -> bool:
    """Whether this file is the one that may import this library."""
    only = OPTIONAL.get(name.partition('.')[0])
    return file.relative_to(root).as_posix() == only


def folder_of(parts: tuple[str, ...]) -> str:
    """Return the package's folder or file that a dotted name leads into."""
    return '' if parts[1:2] in ((), ('__init__',)) else parts[1]


def breach(home: str, name: str, *, late: bool) -> str | None:
    if name.startswith('.'):
        return f'relative import of {name}'
    parts = tuple(name.split('.'))
    if parts[0] == PACKAGE:
        return own_breach(home, name, parts, late=late)
    if parts[0] in sys.stdlib_module_names:
        return None
    if home in ('', 'command_line', 'stack', '__main__') and not late:
        return f'{home or PACKAGE} imports {name} when it is itself imported'
    allowed = THIRD_PARTY.get(FLOORS[home])
    if parts[0] in ABOVE_THE_PACKAGE or (allowed and parts[0] not in allowed):
        return f'{home} (floor {FLOORS[home]}) imports {name}'
    return None


def own_breach(
    home: str, name: str, parts: tuple[str, ...], *, late: bool
) -> str | None:
    if late:
        return f'import of {name} inside a function'
    target = folder_of(parts)
    if target not in FLOORS:
        # `from gps_seg import __version__`: an attribute of the package.
        target = ''
    here, there = FLOORS[home], FLOORS[target]
    if there > here or (there == here and target != home):
        return f'{home} (floor {here}) imports {name} (floor {there})'
    return None


def circle(folder: Path) -> list[str]:
    """Return rooms of a folder that import one another in a circle."""
    graph: dict[str, set[str]] = {}
    for file in folder.rglob('*.py'):
        home = file.relative_to(folder).with_suffix('').parts[0]
        tree = ast.parse(file.read_text(encoding='utf-8'))
        names = [name for n in ast.walk(tree) for name in imported_names(n)]
        rooms = {room_of(folder, name) for name in names}
        graph.setdefault(home, set()).update(rooms - {home, None})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def room_of(folder: Path, name: str) -> str | None:
    """Return the room of a folder that a dotted name leads into, if any."""
    package, home, *rest = [*name.split('.'), '', '']
    if (package, home) != (PACKAGE, folder.name):
        return None
    room = rest[0]
    if room and ((folder / room).is_dir() or (folder / f'{room}.py').exists()):
        return room
    return '__init__'  # `from gps_seg.sparse import Budget`: the face


def full_folders(root: Path) -> dict[str, int]:
    """Return the folders with more modules than one reads at a glance."""
    folders = Counter(file.parent for file in package_files(root))
    return {
        str(folder.relative_to(root)): number
        for folder, number in folders.items()
        if number > MOST_MODULES
    }


def test_every_import_goes_down(repo_dir):
    assert breaches(repo_dir) == []


def test_files_were_found_on_every_floor(repo_dir):
    """Guards the test above against looking into an empty folder."""
    homes = {
        folder_of(file.relative_to(repo_dir).with_suffix('').parts)
        for file in package_files(repo_dir)
    }
    assert homes == set(FLOORS)


@pytest.mark.parametrize(
    ('home', 'code', 'expected'),
    [
        ('sparse', 'import mmengine', 'sparse (floor 1) imports mmengine'),
        ('sparse', 'from gps_seg.peft import gps', 'imports gps_seg.peft.gps'),
        ('sparse', 'from gps_seg import peft', 'imports gps_seg.peft'),
        ('sparse', 'from gps_seg.additions import x', '(floor 2)'),
        ('additions', 'from gps_seg.peft import gps', '(floor 3)'),
        ('additions', 'import mmcv', 'additions (floor 2) imports mmcv'),
        ('sparse', 'import matplotlib.pyplot', 'imports matplotlib.pyplot'),
        ('sparse', 'def f():\n    import mmseg', 'imports mmseg'),
        ('peft', 'from mmseg.models import build', 'imports mmseg'),
        ('datasets', 'import gps_seg.evaluation', 'imports gps_seg.evalua'),
        ('models', 'from gps_seg.engine.metric_names import x', '(floor 5)'),
        ('engine', 'from gps_seg.runs.launch import x', '(floor 6)'),
        ('engine', 'from tools.train import main', 'imports tools.train'),
        ('engine', 'from . import launch', 'relative import'),
        (
            'engine',
            'def f():\n    from gps_seg.sparse import x',
            'inside a function',
        ),
        (
            'datasets',
            'if True:\n    try:\n        import gps_seg.models\n'
            '    except ImportError:\n        pass',
            'imports gps_seg.models',
        ),
        ('stack', 'import torch', 'when it is itself imported'),
        ('mystery', 'x = 1', 'mystery has no floor'),
    ],
)
def test_a_breach_is_seen(tmp_path, home, code, expected):
    file = tmp_path / PACKAGE / home / 'new.py'
    if home == 'stack':
        file = tmp_path / PACKAGE / 'stack.py'
    file.parent.mkdir(parents=True)
    file.write_text(code, encoding='utf-8')
    (found,) = breaches(tmp_path)
    assert expected in found


def test_an_optional_library_has_one_file_and_is_imported_late(tmp_path):
    only = tmp_path / OPTIONAL['peft']
    only.parent.mkdir(parents=True)
    only.write_text('def f():\n    import peft', encoding='utf-8')
    assert breaches(tmp_path) == []
    only.write_text('import peft', encoding='utf-8')
    assert len(breaches(tmp_path)) == 1
    only.unlink()
    other = only.with_name('other.py')
    other.write_text('def f():\n    import peft', encoding='utf-8')
    assert len(breaches(tmp_path)) == 1


def test_the_file_of_each_optional_library_is_there(repo_dir):
    for library, file in OPTIONAL.items():
        assert f'import {library}' in (repo_dir / file).read_text()


@pytest.mark.parametrize(
    ('home', 'code'),
    [
        ('sparse', 'import torch\nfrom safetensors.torch import save_file'),
        ('peft', 'from gps_seg.sparse.budget import Budget'),
        ('peft', 'from gps_seg.additions.places import blocks'),
        ('additions', 'from gps_seg.sparse.roles import Role'),
        ('peft', 'from gps_seg.peft.method import Method'),
        ('datasets', 'from gps_seg.stack import require_openmmlab'),
        ('engine', 'import mmengine\nfrom gps_seg.models import weights'),
        ('engine', 'from gps_seg import __version__'),
    ],
)
def test_a_proper_import_is_no_breach(tmp_path, home, code):
    file = tmp_path / PACKAGE / home / 'new.py'
    file.parent.mkdir(parents=True)
    file.write_text(code, encoding='utf-8')
    assert breaches(tmp_path) == []


def test_the_rooms_of_a_folder_form_no_circle(repo_dir):
    folders = [f for f in (repo_dir / PACKAGE).iterdir() if f.name in FLOORS]
    circles = {folder.name: circle(folder) for folder in folders}
    assert {name: rooms for name, rooms in circles.items() if rooms} == {}
    assert {'sparse', 'delta', 'engine', 'datasets', 'runs'} <= set(circles)


def test_no_folder_is_full(repo_dir):
    assert full_folders(repo_dir) == {}


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        (
            {
                'saving/file.py': 'from gps_seg.engine.training.hook import x',
                'training/hook.py': 'from gps_seg.engine.loop import y',
                'loop.py': 'import gps_seg.engine.saving.other',
            },
            {'saving', 'training', 'loop'},
        ),
        (
            {
                '__init__.py': 'from gps_seg.engine.loop import y',
                'loop.py': 'from gps_seg.engine import y',
            },
            {'__init__', 'loop'},
        ),
        (
            {
                'saving/file.py': 'from gps_seg.engine.saving.other import x',
                'saving/other.py': 'from gps_seg.delta.saving import z',
                'loop.py': 'from gps_seg.engine.saving import other',
            },
            set(),
        ),
    ],
)
def test_a_circle_of_rooms_is_seen(tmp_path, files, expected):
    folder = tmp_path / PACKAGE / 'engine'
    for name, code in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code, encoding='utf-8')
    assert set(circle(folder)) == expected


def test_a_full_folder_is_seen(tmp_path):
    for name, number in {
        'delta': MOST_MODULES,
        'peft': MOST_MODULES + 1,
    }.items():
        (tmp_path / PACKAGE / name).mkdir(parents=True)
        for n in range(number):
            (tmp_path / PACKAGE / name / f'm{n}.py').touch()
    assert full_folders(tmp_path) == {'gps_seg/peft': MOST_MODULES + 1}
