# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Convert a DINOv2 ViT from timm's or the official names to MMPretrain's.

python tools/model_converters/dinov2_to_mmpretrain.py \
    dinov2_vits14_pretrain.pth weights/vit-small-p14_dinov2.safetensors
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
    from dataclasses import asdict

    from gps_seg.models.converted_file import convert_file
    from gps_seg.models.dinov2_names import dinov2_to_mmpretrain
    from gps_seg.models.weight_files import write_once

    summary, report = convert_file(
        args.source, args.target, dinov2_to_mmpretrain
    )
    if args.report is None:
        return f'{summary}\n--report FILE lists all tensors and their changes'
    rows = [asdict(row) for row in report]
    write_once(args.report, as_bytes(rows, args.report.suffix))
    return f'{summary}\nreport: {args.report}'


def as_bytes(rows: Sequence[Mapping[str, Any]], suffix: str) -> bytes:
    """The rows as a ``.json`` list of objects or a ``.csv`` table."""
    if suffix == '.json':
        return json.dumps(rows, indent=1).encode()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def main(arguments: Sequence[str] | None = None) -> int:
    return run_tool(build_parser(), run, arguments)


if __name__ == '__main__':
    sys.exit(main())
