# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py apply``: merge weights and a delta into one checkpoint."""

from argparse import Namespace

from gps_seg.delta import Delta, merged_state
from gps_seg.engine.saving.plain_checkpoint import (
    checkpoint_meta,
    write_checkpoint,
)
from gps_seg.runs.deltas.base import base_tensors
from gps_seg.runs.deltas.new_file import name_and_megabytes


def run(args: Namespace) -> str:
    """Apply a delta to the weights in a file, and write the result.

    Modules that the delta adds are folded into the weights.

    Returns:
        Name and size of the new file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has the wrong content, or the weights are not
            the base of the delta, or something that the delta adds cannot be
            folded into them.
    """
    delta = Delta.load(args.delta)
    merged = merged_state(base_tensors(args.base, args.prefix), delta)
    size = write_checkpoint(args.out, merged, checkpoint_meta(delta.info))
    return name_and_megabytes(args.out, size)
