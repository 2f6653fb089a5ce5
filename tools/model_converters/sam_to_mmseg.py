# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Convert an official file of SAM to the names of a segmentor.

python tools/model_converters/sam_to_mmseg.py \
    sam_vit_b_01ec64.pth weights/sam-vit-base.safetensors
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gps_seg.command_line import (
    file_ending_in,
    run_tool,
    tool_parser,
    whole_number,
)


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        'source',
        type=Path,
        metavar='SOURCE',
        help='weights to read (.pth or .safetensors)',
    )
    add(
        'target',
        type=file_ending_in('.safetensors'),
        metavar='TARGET',
        help='weights to write (.safetensors)',
    )
    add(
        '--classes',
        type=whole_number(1),
        default=1,
        metavar='N',
        help='masks of the segmentor: 1 for an object on a background, else '
        'one for each class (default: %(default)s)',
    )
    add(
        '--report',
        type=file_ending_in('.csv', '.json'),
        metavar='FILE',
        help='file for a table of all tensors and their changes (.csv or '
        '.json)',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    from functools import partial

    from gps_seg.models.catalogue import SAM
    from gps_seg.models.converted_file import convert_file, write_report
    from gps_seg.models.sam.names import sam_architecture, sam_to_mmseg

    summary, report = convert_file(
        args.source,
        args.target,
        partial(sam_to_mmseg, classes=args.classes),
        sam_architecture,
        SAM,
    )
    if args.report is None:
        return f'{summary}\n--report FILE lists all tensors and their changes'
    write_report(report, args.report)
    return f'{summary}\nreport: {args.report}'


def main(arguments: Sequence[str] | None = None) -> int:
    return run_tool(build_parser(), run, arguments)


if __name__ == '__main__':
    sys.exit(main())
