# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Convert a ViT of google-research (.npz) to MMPretrain's names.

python tools/model_converters/augreg_to_mmpretrain.py \
    B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0.npz \
    weights/vit-base-p16_in21k.safetensors
"""

import argparse
import sys
from collections.abc import Sequence

from gps_seg.command_line import run_tool, tool_parser
from gps_seg.command_line.conversion import add_conversion


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add_conversion(parser, '.npz')
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.models.augreg_names import augreg_to_mmpretrain
    from gps_seg.models.catalogue import VIT
    from gps_seg.models.converted_file import convert_file
    from gps_seg.models.dinov2_names import architecture_of

    return convert_file(
        args.source,
        args.target,
        augreg_to_mmpretrain,
        architecture_of,
        VIT,
        args.report,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    return run_tool(build_parser(), run, arguments)


if __name__ == '__main__':
    sys.exit(main())
