# Copyright (c) gps_seg contributors. Apache-2.0.
"""Export a tuned model to ONNX or TorchScript, and check the file.

python tools/export.py CONFIG DELTA_OR_CHECKPOINT --out model.onnx

The file turns a normalised image, float32 (1, 3, HEIGHT, WIDTH), into the
logits of each pixel, (1, CHANNELS, HEIGHT, WIDTH). The caller brings the image
to that size, puts its colours into the order of the model, and computes
(pixel - mean) / std of pixel values from 0 to 255. Order, mean, std, size,
classes and palette are in the file, as JSON: in ONNX in the metadata under
the key gps_seg, in TorchScript in the extra file gps_seg.json.

The file is run beside PyTorch on random input. If the largest difference is
more than 1e-4 of the largest logit, there will be no file.
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from gps_seg.engine.testing.task_model import build_tuned
from gps_seg.export import export_segmentor, interface_of, require_exportable
from gps_seg.runs import launch


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('config', help='config file')
    add('weights', nargs='?', help="delta or checkpoint; else load_from's")
    add('--out', type=Path, required=True, help='new file: *.onnx or *.pt')
    add(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        help='of the input; needed unless the config tests at a fixed size',
    )
    add(
        '--batch-dynamic',
        action='store_true',
        help='any number of images at once, instead of one',
    )
    add(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='overrides of the config: key=value ...',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    require_exportable(args.out)
    config = launch.load_config(args.config, overrides=args.cfg_options)
    segmentor = build_tuned(config, args.weights)
    interface = interface_of(segmentor, config, args.size, args.batch_dynamic)
    difference, scale = export_segmentor(segmentor, interface, args.out)
    batch = 'any' if interface.any_batch else 1
    print(
        f'{args.out}: {args.out.stat().st_size:,} bytes, input '
        f'{(batch, *interface.shape(1)[1:])}\n'
        f'largest difference to PyTorch {difference:.2g}, largest logit '
        f'{scale:.3g}'
    )


if __name__ == '__main__':
    main()
