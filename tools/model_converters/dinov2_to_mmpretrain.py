# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Convert a DINOv2 ViT from timm's or the official names to MMPretrain's.

python tools/model_converters/dinov2_to_mmpretrain.py \
    dinov2_vits14_pretrain.pth weights/vit-small-p14_dinov2.safetensors
"""

import argparse
import sys
from collections.abc import Sequence

from gps_seg.command_line import run_tool, tool_parser
from gps_seg.command_line.conversion import add_conversion


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add_conversion(parser, '.safetensors or .pth')
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.models.catalogue import VIT
    from gps_seg.models.converted_file import convert_file
    from gps_seg.models.dinov2_names import (
        architecture_of,
        dinov2_to_mmpretrain,
    )

    return convert_file(
        args.source,
        args.target,
        dinov2_to_mmpretrain,
        architecture_of,
        VIT,
        args.report,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    return run_tool(build_parser(), run, arguments)


if __name__ == '__main__':
    sys.exit(main())
