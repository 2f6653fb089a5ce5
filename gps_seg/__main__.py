# Copyright (c) gps_seg contributors. Apache-2.0.
"""``gps-seg TOOL [ARGUMENTS]``: run one of the scripts in ``tools/``.

For those who installed the package and have no source tree at hand.
"""

import ast
import runpy
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def find_tools(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the scripts by name: ``train``, ``dataset_converters/...``.

    A source tree has them beside the package, a wheel inside of it.
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
    return (ast.get_docstring(tree) or '').partition('\n')[0]


def usage(tools: dict[str, Path]) -> str:
    """Return the help text: one line per tool."""
    width = max(map(len, tools))
    rows = [f'  {name:{width}}  {describe(tools[name])}' for name in tools]
    return '\n'.join(['usage: gps-seg TOOL [ARGUMENTS]', '', *rows])


def main() -> int:
    """Run the tool that the command line names, with what follows it."""
    tools = find_tools()
    name, arguments = (sys.argv[1:2] or ['--help'])[0], sys.argv[2:]
    if name in ('-h', '--help'):
        print(usage(tools))
        return 0
    if name not in tools:
        known = ', '.join(tools)
        print(
            f'gps-seg: expected one of {known}, got {name} (TOOL). '
            'Run gps-seg for what each of them does.',
            file=sys.stderr,
        )
        return 2
    sys.argv = [str(tools[name]), *arguments]
    # As `python tools/x.py` does; a tool may import a sibling.
    sys.path.insert(0, str(tools[name].parent))
    runpy.run_path(str(tools[name]), run_name='__main__')
    return 0


if __name__ == '__main__':
    sys.exit(main())
