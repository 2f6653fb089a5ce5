# Copyright (c) gps_seg contributors. Apache-2.0.
"""The commands that use the result of a training, ready to be pasted."""

import shlex
import sys
from pathlib import Path

from gps_seg.files.run_files import DELTAS_OF_A_RUN


def next_commands(
    work_dir: Path, config: Path, weights: Path
) -> dict[str, str]:
    """Commands by what they do: to test the weights, and to share a delta.

    Args:
        work_dir: Work directory of the training.
        config: Config of the training.
        weights: Delta, or checkpoint of the whole model.

    Example:
        >>> here = Path('work_dirs/polyps')
        >>> delta = here / 'delta.safetensors'
        >>> list(next_commands(here, here / 'polyps.py', delta))
        ['test', 'share']
    """
    path = shlex.quote(shown(weights))
    named = shlex.quote(shown(config))
    commands = {'test': f'{tool_command("test")} {named} {path}'}
    if weights.name in DELTAS_OF_A_RUN:
        out = shlex.quote(shown(work_dir / 'shared'))
        commands['share'] = f'{tool_command("share")} {path} --out {out}'
    return commands


def tool_command(name: str) -> str:
    """The command for another tool, in the style in which this one started."""
    script = Path(sys.argv[0])
    # Started as `gps-seg TOOL`, or by something else than a tool.
    if '.mim' in script.parts or 'tools' not in script.parts:
        return f'gps-seg {name}'
    return f'python {shlex.quote(str(script.with_name(name + ".py")))}'


def shown(path: str | Path) -> str:
    """A path as short as possible: relative if in the current folder."""
    path = Path(path)
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
