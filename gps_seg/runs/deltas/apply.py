# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py apply``: merge weights and a delta into one checkpoint."""

from argparse import Namespace
from pathlib import Path

from gps_seg.delta import Delta, merged_state
from gps_seg.engine.saving.plain_checkpoint import (
    CHECKPOINT_SUFFIXES,
    checkpoint_meta,
    write_checkpoint,
)
from gps_seg.files import require_new
from gps_seg.runs.deltas.base import base_tensors
from gps_seg.runs.deltas.new_file import name_and_megabytes


def run(args: Namespace) -> str:
    """See :func:`apply_file`."""
    return apply_file(args.base, args.delta, args.out, prefix=args.prefix)


def apply_file(
    base: Path, delta_file: Path, out: Path, *, prefix: str = ''
) -> str:
    """Apply a delta to the weights in a file, and write the result.

    Args:
        base: Checkpoint or state dict of the base.
        delta_file: Delta to apply.
        out: New file, ``.pth`` or ``.safetensors``.
        prefix: Text to put before the names in ``base``.

    Returns:
        Name and size of the new file.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If ``out`` exists.
        ValueError: If a file has the wrong content, or the weights are not
            the base of the delta.
    """
    require_new(out, *CHECKPOINT_SUFFIXES)
    delta = Delta.load(delta_file)
    merged = merged_state(base_tensors(base, prefix), delta)
    size = write_checkpoint(out, merged, checkpoint_meta(delta.info))
    return name_and_megabytes(out, size)
