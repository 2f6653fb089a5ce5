# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py peft``: write a LoRA task in the layout of the PEFT library."""

from argparse import Namespace

import safetensors.torch

from gps_seg.delta import Delta, apply
from gps_seg.delta.peft_layout import peft_adapter
from gps_seg.files import (
    new_folder,
    require_new_or_empty,
    write_bytes,
    write_json,
)
from gps_seg.runs.deltas.base import base_model
from gps_seg.runs.launch import load_config

CONFIG_FILE = 'adapter_config.json'
WEIGHTS_FILE = 'adapter_model.safetensors'


def run(args: Namespace) -> str:
    """Build the base from a config, apply a delta, write the two files.

    Returns:
        Names of the new files.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If the folder is not empty.
        ValueError: If a file has the wrong content, the model of the config
            is not the base of the delta, or the task is not of LoRA alone.
    """
    folder = args.folder.resolve()
    require_new_or_empty(folder)
    delta = Delta.load(args.delta)
    model = base_model(load_config(str(args.config)), delta.info.seed)
    apply(model, delta)
    adapter = peft_adapter(model, delta)
    weights = safetensors.torch.save(adapter.tensors, {'format': 'pt'})
    with new_folder(folder) as partial:
        write_json(adapter.config, partial / CONFIG_FILE)
        write_bytes(weights, partial / WEIGHTS_FILE)
    return '\n'.join(
        f'wrote {args.folder / name}' for name in (CONFIG_FILE, WEIGHTS_FILE)
    )
