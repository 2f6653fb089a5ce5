# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Make a folder to publish a delta, with a model card and pictures.

python tools/share.py work_dirs/gps_kvasir/delta.safetensors \
    --out shared --base timm/vit_small_patch14_dinov2.lvd142m \
    --license apache-2.0 --dataset kvasir-seg

Nothing is uploaded without --push OWNER/NAME. The model card contains the
facts in the delta and those given here; unknown fields are omitted. Only the
part of the config that builds the model and predicts is published, with paths
and addresses cut to their last part.
"""

import argparse
import shlex
import sys
from pathlib import Path

from gps_seg.command_line import run_tool, tool_parser


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add('delta', type=Path, help='delta.safetensors of a run')
    add('--out', type=Path, required=True, help='new or empty folder')
    add(
        '--base',
        help='origin of the base model: owner/name on the hub, or any text '
        '(default: the name of its weights in the delta)',
    )
    add(
        '--title',
        help='heading of the card (default: from method, data and model)',
    )
    add('--license', help='license of the delta on the hub: apache-2.0, ...')
    add('--base-license', help='license of the base model, in any words')
    add(
        '--dataset',
        nargs='+',
        default=[],
        help='training data: owner/name on the hub, or any text',
    )
    add('--data-license', help='license or terms of the data, in any words')
    add('--intended-use', help='description of the intended use')
    add('--limits', help='description of the limits of use')
    picture = parser.add_mutually_exclusive_group()
    picture.add_argument(
        '--preview',
        type=Path,
        metavar='PNG',
        help='picture for the head of the card (default: overlays.png beside '
        'the delta, which shows validation images)',
    )
    picture.add_argument(
        '--no-images',
        action='store_true',
        help='leave out overlays.png, for data that must not be published',
    )
    add(
        '--config',
        help='config of the training (default: the one in the delta)',
    )
    add(
        '--push',
        metavar='OWNER/NAME',
        help='upload the folder to this repository of the Hugging Face hub; '
        'create it there first if it should be private',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    """Make the folder; return its files, and where or how to publish it."""
    from gps_seg.runs import launch
    from gps_seg.runs.sharing import (
        AuthorNotes,
        find_overlays,
        origin_of_base,
        prepare_push,
        push,
        share,
    )

    notes = AuthorNotes(
        base=args.base or origin_of_base(args.delta),
        title=args.title,
        license=args.license,
        base_license=args.base_license,
        datasets=tuple(args.dataset),
        data_license=args.data_license,
        intended_use=args.intended_use,
        limits=args.limits,
    )
    found = None if args.no_images else find_overlays(args.delta)
    if args.push:
        prepare_push(args.push, None if args.preview else found)
    files = share(
        args.delta,
        args.out,
        notes,
        config=launch.load_config(args.config) if args.config else None,
        preview=args.preview or found,
    )
    lines = [f'wrote {args.out / file.name}' for file in files]
    if found and not args.preview:
        lines.append(
            f'preview.png shows validation images and their names ({found}). '
            'If they must not be published, run this with --no-images.'
        )
    if args.push:
        address = push(args.out, args.push)
        return '\n'.join([*lines, f'pushed to {address}'])
    target = shlex.join(
        [f'YOUR_NAME/{args.out.resolve().name}', str(args.out)]
    )
    return '\n'.join(
        [
            *lines,
            'To publish the folder on the Hugging Face hub:',
            '  pip install huggingface_hub && hf auth login',
            f'  hf upload {target}',
        ]
    )


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
