# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert a DINOv2 ViT from timm's or the official names to MMPretrain's.

Example:
    python tools/model_converters/dinov2_to_mmpretrain.py \
        dinov2_vits14_pretrain.pth weights/vit-small-p14_dinov2.safetensors
"""

import argparse
import csv
import io
import json
import sys
from dataclasses import asdict, astuple, fields
from pathlib import Path

from prettytable import PrettyTable

from gps_seg.models.dinov2_names import (
    ConvertedKey,
    architecture_of,
    dinov2_to_mmpretrain,
)
from gps_seg.models.weight_files import (
    read_tensors,
    sha256_of,
    write_once,
    write_safetensors,
)

_COLUMNS = [field.name for field in fields(ConvertedKey)]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments, checked before any file is read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='.safetensors or .pth')
    parser.add_argument('target', type=Path, help='.safetensors to write')
    parser.add_argument(
        '--report', type=Path, help='also write the table, as .csv or .json'
    )
    args = parser.parse_args(argv)
    if args.target.suffix != '.safetensors':
        parser.error(f'target must end in .safetensors, got {args.target}')
    if args.report and args.report.suffix not in ('.csv', '.json'):
        parser.error(f'--report must end in .csv or .json, got {args.report}')
    return args


def as_bytes(report: list[ConvertedKey], suffix: str) -> bytes:
    """The report as a ``.json`` list of objects or a ``.csv`` table."""
    if suffix == '.json':
        return json.dumps([asdict(row) for row in report], indent=1).encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(row) for row in report)
    return text.getvalue().encode()


def convert(source: Path, target: Path, report_file: Path | None) -> None:
    """Read, rename, write, and print what became of every tensor."""
    tensors, report = dinov2_to_mmpretrain(read_tensors(source))
    arch = architecture_of(tensors)
    table = PrettyTable(_COLUMNS, align='l')
    table.add_rows([astuple(row) for row in report])
    print(table)
    written = write_safetensors(
        target,
        tensors,
        {
            'format': 'mmpretrain VisionTransformer, float32',
            'source_file': source.name,
            'source_sha256': sha256_of(source),
            **{name: str(size) for name, size in arch.items()},
        },
    )
    if report_file:
        write_once(report_file, as_bytes(report, report_file.suffix))
    print(f'architecture: {arch}')
    print(f'{"wrote" if written else "unchanged:"} {target} ({len(tensors)})')


def main(argv: list[str] | None = None) -> None:
    """Convert; report a wrong file in one line."""
    args = parse_args(argv)
    try:
        convert(args.source, args.target, args.report)
    except (ValueError, OSError) as err:
        sys.exit(f'error: {err}')


if __name__ == '__main__':
    main()
