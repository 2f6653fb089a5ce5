# Copyright (c) gps_seg contributors. Apache-2.0.
"""See what GPS is for in two minutes, without a download.

One base, three hospitals: a small ViT segmentor, pretrained by the project on
drawn polyps under white light (the source), is tuned to hospital A (narrow-
band light) and to hospital B (violet dye). Each task becomes a small file that
is applied to the base and removed again, exactly. Hospital A is also tuned by
other methods.
"""

import argparse
import functools
import sys
from pathlib import Path

from gps_seg.command_line import add_cfg_options, run_tool, tool_parser

REPO = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = tool_parser(__doc__)
    parser.add_argument(
        '--work-dir',
        type=Path,
        default='work_dirs/demo',
        help='folder for images and results',
    )
    add_cfg_options(parser)
    return run_tool(parser, run)


def run(args: argparse.Namespace) -> str:
    from gps_seg.runs.demo.hospitals import Place
    from gps_seg.runs.demo.report import report
    from gps_seg.runs.demo.story import play

    say = functools.partial(print, flush=True)
    return report(play(Place(REPO, args.work_dir, args.cfg_options), say))


if __name__ == '__main__':
    sys.exit(main())
