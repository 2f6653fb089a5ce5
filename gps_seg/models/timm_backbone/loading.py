# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pretrained weights of timm: a local file, or timm's own download.

timm renames and resizes what a file has, so that it fits the model. It gets
tensors that were read without running code, or downloads safetensors.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from torch import nn

from gps_seg.models.timm_backbone.building import check_name, create
from gps_seg.models.weight_files import read_tensors
from gps_seg.models.weights import (
    FOLDER_VARIABLE,
    SCHEME,
    find_weights,
    local_file,
    place_of,
)
from gps_seg.text.announcement import Announcement

TIMM = 'timm://'
_SHOWN = 300  # characters of a reason


def pretrained(
    checkpoint: str, model_name: str, settings: Mapping[str, Any]
) -> nn.Module:
    """A model of timm with the weights of a checkpoint.

    Args:
        checkpoint: ``timm://NAME`` for the local file ``NAME.safetensors`` in
            the folder of weights, or a download if there is none;
            ``weights://NAME``; or the path of a file with timm's names, or
            with the names of the authors, if timm knows them.
        model_name: Name of the model in timm.
        settings: Its settings.

    Raises:
        FileNotFoundError: If there is neither a file nor a download; says
            which file to put where.
        ValueError: If the weights are not those of the model.
    """
    file = _file_of(checkpoint)
    if file is None:
        return _downloaded(checkpoint.removeprefix(TIMM), settings)
    print_log(f'{checkpoint}: {file}', logger='current')
    given = {'state_dict': read_tensors(file), 'custom_load': False}
    try:
        return create(
            model_name, settings, pretrained=True, pretrained_cfg_overlay=given
        )
    except (RuntimeError, KeyError) as error:
        raise ValueError(
            f'{checkpoint}: expected the weights of {model_name} in timm, got '
            f'{_reason(error)}. Use the checkpoint of this model, or correct '
            'the config.'
        ) from error


def _file_of(checkpoint: str) -> Path | None:
    if checkpoint.startswith(TIMM):
        return local_file(checkpoint.removeprefix(TIMM))
    if checkpoint.startswith(SCHEME):
        return find_weights(checkpoint.removeprefix(SCHEME))
    return Path(checkpoint).expanduser()


def _downloaded(name: str, settings: Mapping[str, Any]) -> nn.Module:
    """The model with the weights from timm's page, or its cache."""
    check_name(name)
    page = f'https://huggingface.co/timm/{name}'
    print_log(
        Announcement(f'{TIMM}{name}: {page}, or its local cache'),
        logger='current',
    )
    try:
        return create(name, settings, pretrained=True)
    # Each version of the hub's library has errors of its own.
    except Exception as error:
        raise FileNotFoundError(
            f'{TIMM}{name}: expected the file {place_of(name)} or a download '
            f'of {page}, got neither: {_reason(error)}. On a machine with '
            'network access download model.safetensors from that page, and '
            'copy it here under the name above, or into the folder that '
            f'{FOLDER_VARIABLE} names.'
        ) from error


def _reason(error: Exception) -> str:
    """The text of an error on one line, shortened, without its period."""
    text = ' '.join(str(error).split()).rstrip('.') or type(error).__name__
    return text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'
