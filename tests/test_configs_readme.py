"""What the docstrings of the configs and configs/README.md promise."""

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = sorted(
    path.relative_to(CONFIGS).as_posix()
    for path in CONFIGS.rglob('*.py')
    # The demo prints what it comes to.
    if not {'_base_', 'demo'} & {*path.parts}
)
EXPECTED = re.compile(
    r'Expected: (?P<score>.*?\d.*?)( after (?P<time>[\w ]+ minutes))?'
    r'( on (?P<machine>[^;]*?\)))?(; (?P<trained>[\d.]+ %) trained)?\.( |$)'
)


def docstring(leaf):
    return ast.get_docstring(ast.parse((CONFIGS / leaf).read_text()))


def expected(leaf):
    """Score, time, machine and what trains; None if it has not been run."""
    return EXPECTED.search(' '.join(docstring(leaf).split()))


def row(leaf):
    """The row of a leaf that has been run."""
    found = expected(leaf)
    title = docstring(leaf).partition('\n')[0].removesuffix('.')
    parts = [found[name] or '' for name in EXPECTED.groupindex]
    return f'| `{leaf}` | {title} | ' + ' | '.join(parts) + ' |'


def rows():
    """First cell without its quotes, and the whole line, of each row."""
    text = (CONFIGS / 'README.md').read_text(encoding='utf-8')
    table = text.partition('## Every leaf')[2].splitlines()
    return {
        line.split('`')[1]: line for line in table if line.startswith('| `')
    }


@pytest.mark.parametrize('leaf', LEAVES)
def test_the_docstring_names_the_command_and_what_to_expect(leaf):
    text = docstring(leaf)
    assert re.search(rf'\n    (python|bash) tools/.*configs/{leaf}', text)
    assert (expected(leaf) is None) == ('\nNot run.' in text)


@pytest.mark.parametrize('leaf', LEAVES)
def test_the_table_has_what_the_docstring_says(leaf):
    """Where they differ, the row below is the one to put in."""
    (name,) = (name for name in rows() if fnmatch(leaf, name))
    if expected(leaf):
        assert rows()[name] == row(leaf)
    else:
        assert '| not run |' in rows()[name]


def test_every_row_is_of_a_config():
    for name in rows():
        assert list(CONFIGS.glob(name)), name


def test_every_path_in_the_readme_is_there():
    text = (CONFIGS / 'README.md').read_text(encoding='utf-8')
    named = re.findall(r'`([\w/-]+(?:\.py|/))`', text)
    named += re.findall(r"'configs/([^']+)'", text)
    named += re.findall(r'\]\(([^)]+)\)', text)
    named = [n for n in named if not n.startswith('work_dirs')]
    assert len(named) > 20
    assert [n for n in named if not (CONFIGS / n).exists()] == []
