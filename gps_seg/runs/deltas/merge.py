# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py merge``: merge the base of a config with a delta."""

from argparse import Namespace

from gps_seg.additions import merge
from gps_seg.delta import Delta, apply
from gps_seg.engine.saving.plain_checkpoint import (
    checkpoint_meta,
    write_checkpoint,
)
from gps_seg.runs.deltas.base import base_model
from gps_seg.runs.deltas.new_file import name_and_megabytes
from gps_seg.runs.launch import load_config


def run(args: Namespace) -> str:
    """Build the base from a config, apply a delta, write all weights.

    Modules that the delta adds are folded into the weights.

    Returns:
        Name and size of the new file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has the wrong content, the model of the
            config is not the base of the delta, or something that the delta
            adds cannot be folded into the weights.
    """
    delta = Delta.load(args.delta)
    config = load_config(str(args.config))
    model = base_model(config, delta.info.seed)
    apply(model, delta)
    merge(model)
    meta = checkpoint_meta(delta.info, model.dataset_meta, config.pretty_text)
    size = write_checkpoint(args.out, model.state_dict(), meta)
    return name_and_megabytes(args.out, size)
