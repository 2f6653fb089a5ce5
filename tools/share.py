# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make a folder to give a delta away: with a model card and a picture.

python tools/share.py work_dirs/gps_kvasir/delta.safetensors --out shared
    --base timm/vit_small_patch14_dinov2.lvd142m --license apache-2.0

Nothing is uploaded. The model card says what the delta knows and what is told
here; what nobody tells is left out. Of the config, what builds the model and
predicts is given away, with paths and addresses cut to their last part.
"""

import argparse
import shlex
from pathlib import Path

from gps_seg.runs import launch
from gps_seg.runs.sharing import Told, share


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('delta', type=Path, help='delta.safetensors of a run')
    add('--out', type=Path, required=True, help='folder, new or empty')
    add(
        '--base',
        required=True,
        help='where the base comes from: owner/name on the hub, or words',
    )
    add('--title', help='heading of the card; by default the name of --out')
    add('--license', help='of the delta, as the hub names it: apache-2.0, ...')
    add('--dataset', nargs='+', default=[], help='owner/name, or words')
    add('--intended-use', help='what it is for, in words')
    add('--limits', help='what it is not for, in words')
    add('--preview', type=Path, help='PNG; by default the selection is drawn')
    add('--config', help="config file, instead of the delta's own config")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    told = Told(
        title=args.title or args.out.resolve().name,
        base=args.base,
        license=args.license,
        datasets=tuple(args.dataset),
        intended_use=args.intended_use,
        limits=args.limits,
    )
    config = launch.load_config(args.config) if args.config else None
    files = share(
        args.delta, args.out, told, config=config, preview=args.preview
    )
    print(*files, sep='\n')
    target = shlex.join(
        [f'YOUR_NAME/{args.out.resolve().name}', str(args.out)]
    )
    print(f'\nTo publish it on the Hugging Face hub:\n  hf upload {target}')


if __name__ == '__main__':
    main()
