# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Convert an official file of SAM to the names of a segmentor.

python tools/model_converters/sam_to_mmseg.py \
    sam_vit_b_01ec64.pth weights/sam-vit-base.safetensors
"""

import argparse
import sys
from collections.abc import Sequence

from gps_seg.command_line import (
    run_tool,
    tool_parser,
    whole_number,
)
from gps_seg.command_line.conversion import add_conversion


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add_conversion(parser, '.pth or .safetensors')
    parser.add_argument(
        '--classes',
        type=whole_number(1),
        default=1,
        metavar='N',
        help='masks of the segmentor: 1 for an object on a background, else '
        'one for each class (default: %(default)s)',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    from functools import partial

    from gps_seg.models.catalogue import SAM
    from gps_seg.models.converted_file import convert_file
    from gps_seg.models.sam.names import sam_architecture, sam_to_mmseg

    return convert_file(
        args.source,
        args.target,
        partial(sam_to_mmseg, classes=args.classes),
        sam_architecture,
        SAM,
        args.report,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    return run_tool(build_parser(), run, arguments)


if __name__ == '__main__':
    sys.exit(main())
