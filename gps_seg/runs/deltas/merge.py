# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py merge``: merge the base of a config with a delta."""

from argparse import Namespace
from pathlib import Path

from gps_seg.delta import Delta, apply
from gps_seg.engine.saving.plain_checkpoint import (
    CHECKPOINT_SUFFIXES,
    checkpoint_meta,
    write_checkpoint,
)
from gps_seg.files import require_new
from gps_seg.runs.deltas.base import base_model
from gps_seg.runs.deltas.new_file import name_and_megabytes
from gps_seg.runs.launch import load_config


def run(args: Namespace) -> str:
    """See :func:`merge_config`."""
    return merge_config(args.config, args.delta, args.out)


def merge_config(config_file: Path, delta_file: Path, out: Path) -> str:
    """Build the base from a config, apply a delta, write all weights.

    Args:
        config_file: Config that builds the base.
        delta_file: Delta to apply.
        out: New file, ``.pth`` or ``.safetensors``.

    Returns:
        Name and size of the new file.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If ``out`` exists.
        ValueError: If a file has the wrong content, or the model of the
            config is not the base of the delta.
    """
    require_new(out, *CHECKPOINT_SUFFIXES)
    delta = Delta.load(delta_file)
    config = load_config(str(config_file))
    model = base_model(config, delta.info.seed)
    apply(model, delta)
    meta = checkpoint_meta(delta.info, model.dataset_meta, config.pretty_text)
    size = write_checkpoint(out, model.state_dict(), meta)
    return name_and_megabytes(out, size)
