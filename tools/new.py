# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Make a task from a folder of images and a folder of masks.

gps-seg new polyps --images photos --masks outlines
gps-seg train polyps

It opens every file, says what it found and decided, and writes the folder of
the task: an ordinary config, the lists of images to train on and to validate,
and a picture. The images stay where they are.
"""

import argparse
import sys
from pathlib import Path

from gps_seg.command_line import (
    Distinct,
    finite_number,
    run_tool,
    tool_parser,
    whole_number,
)
from gps_seg.command_line.method_names import method_names


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add('name', type=Path, help='folder of the task; new or empty')
    add('--images', type=Path, required=True, help='folder of the images')
    add('--masks', type=Path, required=True, help='folder of the masks')
    add(
        '--classes',
        nargs='+',
        action=Distinct,
        metavar='CLASS',
        help='names of the classes, by their labels: background polyp ...; '
        'or VALUE=NAME, with a value or a colour: 255=polyp, 255,0,0=car',
    )
    add(
        '--skip-unlabelled',
        action='store_true',
        help='leave out images without a mask, which are an error otherwise; '
        'found.json lists them',
    )
    add(
        '--groups',
        metavar='PATTERN|CSV',
        help='images that belong together, such as the frames of a video; '
        'they are either trained on or validated: a regular expression for '
        'the name of the group, such as "(case[0-9]+)", or a CSV file with '
        'the columns image and group',
    )
    add(
        '--encoder',
        help='name of the pretrained encoder, such as '
        'vit-small-p14_dinov2 (the default) or timm:NAME; see '
        'docs/encoders.md',
    )
    add(
        '--method',
        help='tuning method: gps decrement (the default), '
        + ', '.join(method_names()),
    )
    add(
        '--size',
        nargs=2,
        type=whole_number(1),
        metavar=('HEIGHT', 'WIDTH'),
        help='input of the network in pixels (default: by images and device)',
    )
    add(
        '--steps',
        type=whole_number(1),
        help='training steps (default: by images and device)',
    )
    add(
        '--val-share',
        type=finite_number(
            'above 0 and at most 0.5', lambda share: 0 < share <= 0.5
        ),
        default=0.2,
        help='share of the images to validate (default: 0.2)',
    )
    add('--seed', type=int, default=0, help='seed of split and training')
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.runs.own_folder.command import make_task

    return make_task(args)


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
