# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py merge``: a config and a delta into one plain checkpoint."""

from argparse import Namespace

from gps_seg.delta import Delta, apply
from gps_seg.engine.saving.plain_checkpoint import (
    checkpoint_meta,
    write_checkpoint,
)
from gps_seg.runs.deltas.base import base_model
from gps_seg.runs.deltas.new_file import name_and_megabytes
from gps_seg.runs.launch import load_config


def run(args: Namespace) -> str:
    """Build the base by a config, put a delta on it, write all weights.

    Returns:
        Name and size of the new file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not what it should be, or the config builds
            another model than the base of the delta.
    """
    delta = Delta.load(args.delta)
    config = load_config(str(args.config))
    model = base_model(config, delta.info.seed)
    apply(model, delta)
    meta = checkpoint_meta(delta.info, model.dataset_meta, config.pretty_text)
    size = write_checkpoint(args.out, model.state_dict(), meta)
    return name_and_megabytes(args.out, size)
