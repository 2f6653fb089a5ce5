# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Show a page on which tasks can be tried.

python tools/app.py work_dirs/polyps/delta.safetensors \
    work_dirs/veins/delta.safetensors --examples data/kvasir-seg

All deltas must be of one base. The page needs Gradio (pip install '.[app]').
It can be reached from this machine alone, unless --host says otherwise, and
nothing that is shown on it is sent elsewhere.
"""

import argparse
import sys
from pathlib import Path

from gps_seg.command_line import (
    Distinct,
    run_tool,
    tool_parser,
    whole_number,
)


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        'deltas',
        nargs='+',
        type=Path,
        action=Distinct,
        metavar='DELTA',
        help='delta.safetensors of a run; one for each task',
    )
    add(
        '--base',
        metavar='CONFIG',
        help='config that builds the base (default: the one in the first '
        'delta)',
    )
    add(
        '--examples',
        metavar='FOLDER',
        help='images to offer; with folders images and masks, also their '
        'ground truth (default: validation images, if they are there)',
    )
    add(
        '--comparison',
        metavar='FILE',
        help='summary.json of tools/compare.py, or its folder: shown in a tab '
        'of its own',
    )
    add(
        '--port',
        type=whole_number(1),
        help='port of the page (default: the first free one from 7860 on)',
    )
    add(
        '--host',
        default='127.0.0.1',
        help='address of the page; 0.0.0.0 lets other machines reach it',
    )
    return parser


def run(args: argparse.Namespace) -> None:
    from gps_seg.app.serve import Place, serve

    serve(
        args.deltas,
        Place(args.host, args.port),
        base=args.base,
        examples=args.examples,
        comparison=args.comparison,
    )


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
