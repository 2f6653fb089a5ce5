"""``import gps_seg`` takes no time, and offers the names that start a session.

Each test of the import runs in a process of its own: this one has torch.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gps_seg

NAMES = {
    *('GPS', 'Delta', 'Task', 'apply', 'finetune', 'revert', 'switch'),
    'tune',
}


def run(code):
    result = subprocess.run(
        [sys.executable, '-c', code],
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_import_alone_loads_nothing_but_the_standard_library():
    code = (
        'import sys; before = set(sys.modules); import gps_seg;'
        'print(*{n.partition(".")[0] for n in set(sys.modules) - before})'
    )
    loaded = set(run(code).split())
    assert loaded - sys.stdlib_module_names == {'gps_seg'}


def test_the_test_above_would_see_torch():
    code = 'import sys, gps_seg; gps_seg.GPS; print("torch" in sys.modules)'
    assert run(code) == 'True'


def test_names_are_those_of_their_folders():
    homes = dict.fromkeys(NAMES, 'delta') | {
        **dict.fromkeys(('GPS', 'tune'), 'peft'),
        **dict.fromkeys(('Task', 'finetune'), 'runs.own_folder'),
    }
    code = 'import gps_seg\n' + '\n'.join(
        f'from gps_seg import {name}\nimport gps_seg.{home} as home\n'
        f'print({name} is home.{name} is gps_seg.{name})'
        for name, home in homes.items()
    )
    assert run(code).split() == ['True'] * len(NAMES)


def test_the_names_are_listed_before_they_are_loaded():
    listed = run('import gps_seg; print(*dir(gps_seg))').split()
    assert set(listed) > NAMES
    assert {'__version__', '__doc__'} < set(listed)
    assert set(gps_seg.__all__) == NAMES


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(gps_seg.__file__).read_text(encoding='utf-8'))
    (branch,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in branch.body for alias in node.names}
    assert ast.unparse(branch.test) == 'TYPE_CHECKING'
    assert seen == NAMES


def test_another_name_is_refused_in_one_sentence():
    with pytest.raises(AttributeError, match=r"no attribute 'LoRA'.*GPS, De"):
        gps_seg.LoRA  # noqa: B018
    assert not hasattr(gps_seg, '__wrapped__')


def test_a_folder_is_still_imported_by_name():
    code = 'from gps_seg import stack; print(stack.__name__)'
    assert run(code) == 'gps_seg.stack'
