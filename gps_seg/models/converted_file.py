# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert a file of weights to our names, and say what was done."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from gps_seg.models.renaming import ConvertedKey
from gps_seg.models.weight_files import (
    read_tensors,
    sha256_of,
    write_once,
    write_safetensors,
)

Converter = Callable[
    [Mapping[str, Tensor]], tuple[dict[str, Tensor], list[ConvertedKey]]
]


def convert_file(
    source: Path,
    target: Path,
    convert: Converter,
    sizes_of: Callable[[Mapping[str, Tensor]], dict[str, int]],
    model: str,
    report_file: Path | None = None,
) -> str:
    """Read, rename and write weights.

    Args:
        source: File of weights to read.
        target: File to write, ``.safetensors``.
        convert: Function that renames the tensors and reports on each.
        sizes_of: Function that reads the sizes of the model from them.
        model: Model that has the new names.
        report_file: File for what became of each tensor, ``.json`` or
            ``.csv``; None for none.

    Returns:
        A summary in a few lines.

    Raises:
        FileExistsError: If ``target`` or ``report_file`` exists with other
            content.
        FileNotFoundError: If there is no such source.
        ValueError: If a tensor is missing, unknown or of the wrong shape.
    """
    found = read_tensors(source)
    tensors, report = convert(found)
    sizes = sizes_of(tensors)
    facts = {
        'format': f'{model}, float32',
        'source_file': source.name,
        'source_sha256': sha256_of(source),
        **{name: str(size) for name, size in sizes.items()},
    }
    is_new = write_safetensors(target, tensors, facts)
    lines = [
        f'read: {source}, {len(found)} tensors',
        *(f'{row.source}: {row.note}' for row in report if not row.target),
        f'checked: names and shapes, {_listed(sizes)}',
        f'{"written" if is_new else "unchanged"}: {target}, '
        f'{len(tensors)} tensors, {_values(tensors.values())}',
    ]
    if report_file is None:
        lines.append('--report FILE lists all tensors and their changes')
    else:
        write_report(report, report_file)
        lines.append(f'report: {report_file}')
    return '\n'.join(lines)


def write_report(report: Sequence[ConvertedKey], path: Path) -> None:
    """Write what became of each tensor, once.

    Args:
        report: One row per tensor.
        path: ``.json`` file for a list of objects, or ``.csv`` for a table.

    Raises:
        FileExistsError: If it exists with other content.
    """
    rows = [asdict(row) for row in report]
    if path.suffix == '.json':
        write_once(path, json.dumps(rows, indent=1).encode())
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    write_once(path, text.getvalue().encode())


def _listed(sizes: Mapping[str, int]) -> str:
    return ', '.join(f'{name} {size}' for name, size in sizes.items())


def _values(tensors: Iterable[Tensor]) -> str:
    values = sum(tensor.numel() for tensor in tensors)
    return f'{values:,} values in float32'
