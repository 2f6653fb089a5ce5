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
CONVERTERS = 'Convert data sets and weights'
OTHERS = 'Others'
#: Tools by what a person wants, in the order of use.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    'Start': ('demo', 'new', 'check_dataset', 'browse_dataset', 'count'),
    'Train': ('train', 'compare'),
    'Look': ('test', 'report', 'app'),
    'Share': ('share', 'delta', 'export'),
    CONVERTERS: (),
    'Develop': ('benchmark', 'growth', 'pretrain_demo'),
    OTHERS: (),
}


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
    """Return the help text: one line per tool, by what a person wants.

    Args:
        tools: Scripts by name.
    """
    names: dict[str, list[str]] = {title: [] for title in SECTIONS}
    for name in sorted(tools, key=_rank):
        names[_section(name)].append(name)
    lines = ['usage: gps-seg TOOL [ARGUMENTS]']
    for title in filter(names.get, names):
        width = max(map(len, names[title]))
        rows = [f'  {n:{width}}  {describe(tools[n])}' for n in names[title]]
        lines += ['', f'{title}:', *rows]
    return '\n'.join([*lines, '', 'gps-seg TOOL --help shows its options.'])


def _section(name: str) -> str:
    if '/' in name:
        return CONVERTERS
    found = (title for title, tools in SECTIONS.items() if name in tools)
    return next(found, OTHERS)


def _rank(name: str) -> tuple[int, str]:
    """Order of the tools within their section."""
    tools = SECTIONS[_section(name)]
    return (tools.index(name) if name in tools else len(tools), name)


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
