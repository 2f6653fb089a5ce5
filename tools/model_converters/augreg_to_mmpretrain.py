# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert a ViT of google-research (.npz) to MMPretrain's names.

Example:
    python tools/model_converters/augreg_to_mmpretrain.py \
        B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0.npz \
        weights/vit-base-p16_in21k.safetensors
"""

import argparse
import sys
from pathlib import Path

from gps_seg.models.augreg_names import augreg_to_mmpretrain
from gps_seg.models.dinov2_names import architecture_of
from gps_seg.models.weight_files import (
    read_tensors,
    sha256_of,
    write_safetensors,
)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments, checked before any file is read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='.npz')
    parser.add_argument('target', type=Path, help='.safetensors to write')
    args = parser.parse_args(argv)
    if args.target.suffix != '.safetensors':
        parser.error(f'target must end in .safetensors, got {args.target}')
    return args


def convert(source: Path, target: Path) -> None:
    """Read, rename, write, and print what was dropped."""
    tensors, report = augreg_to_mmpretrain(read_tensors(source))
    arch = architecture_of(tensors)
    facts = {
        'format': 'mmpretrain VisionTransformer, float32',
        'source_file': source.name,
        'source_sha256': sha256_of(source),
        **{name: str(size) for name, size in arch.items()},
    }
    written = write_safetensors(target, tensors, facts)
    for row in report:
        if not row.target:
            print(f'{row.source}: {row.note}')
    print(f'architecture: {arch}')
    print(f'{"wrote" if written else "unchanged:"} {target} ({len(tensors)})')


def main(argv: list[str] | None = None) -> None:
    """Convert; report a wrong file in one line."""
    args = parse_args(argv)
    try:
        convert(args.source, args.target)
    except (ValueError, OSError) as err:
        sys.exit(f'error: {err}')


if __name__ == '__main__':
    main()
