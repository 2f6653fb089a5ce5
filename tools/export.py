# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Export a tuned model to ONNX or TorchScript, and check the file.

python tools/export.py configs/gps_kvasir.py \
    work_dirs/gps_kvasir/delta.safetensors --out gps_kvasir.onnx

The exported model maps a normalised image, float32 (1, 3, HEIGHT, WIDTH), to
the logits of each pixel, (1, CHANNELS, HEIGHT, WIDTH). The caller resizes the
image, puts its colours into the order of the model, and computes
(pixel - mean) / std from pixel values between 0 and 255. Order, mean, std,
size, classes and palette are stored in the file as JSON: in ONNX in the
metadata under the key gps_seg, in TorchScript in the extra file gps_seg.json.

The file is compared with PyTorch on random input. If the largest difference
is more than 1e-4 of the largest logit, the file is removed.
"""

import argparse
import sys
from pathlib import Path

from gps_seg.command_line import add_cfg_options, run_tool, tool_parser
from gps_seg.files import require_new


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add('config', help='config file')
    add(
        'weights',
        nargs='?',
        help="delta or checkpoint (default: the config's load_from)",
    )
    add(
        '--out',
        type=Path,
        required=True,
        metavar='FILE',
        help='new file to write (.onnx or .pt)',
    )
    add(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the input in pixels (default: the test size of the '
        'config, if it is fixed)',
    )
    add(
        '--batch-dynamic',
        action='store_true',
        help='accept batches of any size instead of single images',
    )
    add_cfg_options(parser)
    return parser


def run(args: argparse.Namespace) -> str:
    require_new(args.out, '.onnx', '.pt')

    from gps_seg.engine import build_tuned
    from gps_seg.export import (
        export_segmentor,
        interface_of,
        require_exportable,
    )
    from gps_seg.runs.launch import load_config

    require_exportable(args.out)
    config = load_config(args.config, overrides=args.cfg_options)
    segmentor = build_tuned(config, args.weights)
    interface = interface_of(segmentor, config, args.size, args.batch_dynamic)
    difference, scale = export_segmentor(segmentor, interface, args.out)
    batch = 'any' if interface.any_batch else 1
    return (
        f'{args.out}: {args.out.stat().st_size:,} bytes, input '
        f'{(batch, *interface.shape(1)[1:])}\n'
        f'largest difference to PyTorch {difference:.2g}, largest logit '
        f'{scale:.3g}'
    )


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
