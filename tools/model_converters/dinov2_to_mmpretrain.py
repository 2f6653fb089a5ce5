# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Convert a DINOv2 ViT from timm's or the official names to MMPretrain's.

python tools/model_converters/dinov2_to_mmpretrain.py \
    dinov2_vits14_pretrain.pth weights/vit-small-p14_dinov2.safetensors
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gps_seg.command_line import file_ending_in, run_tool, tool_parser


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        'source',
        type=Path,
        metavar='SOURCE',
        help='weights to read (.safetensors or .pth)',
    )
    add(
        'target',
        type=file_ending_in('.safetensors'),
        metavar='TARGET',
        help='weights to write (.safetensors)',
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
    from gps_seg.models.catalogue import VIT
    from gps_seg.models.converted_file import convert_file, write_report
    from gps_seg.models.dinov2_names import (
        architecture_of,
        dinov2_to_mmpretrain,
    )

    summary, report = convert_file(
        args.source, args.target, dinov2_to_mmpretrain, architecture_of, VIT
    )
    if args.report is None:
        return f'{summary}\n--report FILE lists all tensors and their changes'
    write_report(report, args.report)
    return f'{summary}\nreport: {args.report}'


def main(arguments: Sequence[str] | None = None) -> int:
    return run_tool(build_parser(), run, arguments)


if __name__ == '__main__':
    sys.exit(main())
