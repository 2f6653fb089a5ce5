# Copyright (c) gps_seg contributors. Apache-2.0.
"""Draw images with their labels as the model sees them in training.

python tools/browse_dataset.py configs/gps_kvasir.py --out contact_sheet.png
"""

import argparse
import sys

from gps_seg.command_line import (
    add_cfg_options,
    file_ending_in,
    run_tool,
    tool_parser,
    whole_number,
)
from gps_seg.files import PICTURES


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add('config', help='config file, or package::path, with data loaders')
    add(
        '--split',
        choices=('train', 'val', 'test'),
        default='train',
        help='split whose images and pipeline are used',
    )
    add(
        '--number',
        type=whole_number(1),
        default=24,
        help='number of images, drawn at random',
    )
    add(
        '--out',
        type=file_ending_in(*PICTURES),
        default='contact_sheet.png',
        metavar='FILE',
        help='picture to write (.png, .svg or .pdf); replaced if it exists',
    )
    add(
        '--seed',
        type=int,
        default=0,
        help='seed for the choice of images and for their augmentation',
    )
    add_cfg_options(parser)
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.runs.browsing import draw_split
    from gps_seg.runs.launch import load_config

    config = load_config(args.config, overrides=args.cfg_options)
    path = draw_split(config, args.split, args.number, args.seed, args.out)
    return f'Written to {path}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
