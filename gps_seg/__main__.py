# Copyright (c) gps_seg contributors. Apache-2.0.
"""``gps-seg TOOL [ARGUMENTS]``: run one of the scripts in ``tools/``.

The command works without a source tree.
"""

import ast
import runpy
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
DAILY = 'Tools'
CONVERTERS = 'Converters of data sets and weights'
DEVELOPMENT = 'For developers'
SECTIONS = (DAILY, CONVERTERS, DEVELOPMENT)
#: Tools that come first in the list, in the order of a first hour.
FIRST = ('demo', 'train', 'test', 'count', 'check_dataset', 'browse_dataset')
FOR_DEVELOPERS = ('benchmark', 'growth', 'pretrain_demo')


def find_tools(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the scripts by name: ``train``, ``dataset_converters/...``.

    A source tree has them beside the package, a wheel inside it.
    """
    for folder in (package / '.mim/tools', package.parent / 'tools'):
        scripts = sorted(folder.rglob('*.py'))
        if scripts:
            return {
                script.relative_to(folder).with_suffix('').as_posix(): script
                for script in scripts
            }
    raise FileNotFoundError(
        f'tools: expected scripts in {package / ".mim/tools"} or '
        f'{package.parent / "tools"}, got none. Install gps-seg again.'
    )


def describe(script: Path) -> str:
    """Return the first line of the script's docstring, without running it."""
    tree = ast.parse(script.read_text(encoding='utf-8'))
    line = (ast.get_docstring(tree) or '').partition('\n')[0]
    # The command in it works only in a source tree.
    return line.partition(': python ')[0]


def usage(tools: Mapping[str, Path]) -> str:
    """Return the help text: one line per tool, daily tools first.

    Args:
        tools: Scripts by name.
    """
    sections: dict[str, list[str]] = {title: [] for title in SECTIONS}
    for name in sorted(tools, key=_rank):
        sections[_section(name)].append(name)
    lines = ['usage: gps-seg TOOL [ARGUMENTS]']
    for title, names in sections.items():
        if names:
            width = max(map(len, names))
            rows = [f'  {n:{width}}  {describe(tools[n])}' for n in names]
            lines += ['', f'{title}:', *rows]
    return '\n'.join([*lines, '', 'gps-seg TOOL --help shows its options.'])


def _rank(name: str) -> tuple[int, str]:
    """Order of the tools: first :data:`FIRST`, then alphabetical."""
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def _section(name: str) -> str:
    if name in FOR_DEVELOPERS:
        return DEVELOPMENT
    return CONVERTERS if '/' in name else DAILY


def unknown_tool(name: str, tools: Mapping[str, Path]) -> str:
    """Return the error for an unknown tool, with a similar name.

    Args:
        name: Name that was given.
        tools: Scripts by name.
    """
    by_last_part = {tool.rpartition('/')[2]: tool for tool in tools}
    close = get_close_matches(name, [*tools, *by_last_part], 1)
    meant = [by_last_part.get(tool, tool) for tool in close]
    advice = f'Did you mean {meant[0]}? ' if meant else ''
    return (
        f"gps-seg: expected the name of a tool, got '{name}'. {advice}Run "
        'gps-seg to list all tools.'
    )


def main() -> int:
    """Run the tool that the command line names, with its arguments."""
    tools = find_tools()
    name, arguments = (sys.argv[1:2] or ['--help'])[0], sys.argv[2:]
    if name in ('-h', '--help'):
        print(usage(tools))
        return 0
    if name not in tools:
        print(unknown_tool(name, tools), file=sys.stderr)
        return 2
    sys.argv = [str(tools[name]), *arguments]
    # Like `python tools/x.py`; a tool may import a sibling.
    sys.path.insert(0, str(tools[name].parent))
    runpy.run_path(str(tools[name]), run_name='__main__')
    return 0


if __name__ == '__main__':
    sys.exit(main())
