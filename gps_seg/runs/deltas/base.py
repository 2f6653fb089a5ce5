# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base of a delta: a file of weights, or the model of a config."""

from argparse import Namespace
from pathlib import Path

from mmengine.config import Config
from torch import Tensor, nn

from gps_seg.engine import build_base
from gps_seg.models.weight_files import read_tensors
from gps_seg.runs.launch import load_config

# Errors of OpenMMLab when the model of a config cannot be built.
_WRONG_MODEL = (
    AssertionError,
    AttributeError,
    ImportError,
    KeyError,
    NameError,
    TypeError,
)


def names_base(args: Namespace) -> bool:
    """Whether the options of a command name a base."""
    return args.base is not None or args.config is not None


def base_of(
    args: Namespace, seed: int | None = None
) -> nn.Module | dict[str, Tensor]:
    """The base that the options ``--base``, ``--config``, ``--prefix`` name.

    Args:
        args: Parsed command line.
        seed: Seed of the training, for tensors that the config initialises
            randomly.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If neither option is given, or the file has the wrong
            content.
    """
    if args.base is not None:
        return base_tensors(args.base, args.prefix)
    if args.config is not None:
        return base_model(load_config(str(args.config)), seed)
    raise ValueError(
        'base: expected --base WEIGHTS or --config CONFIG, got neither. Give '
        'the file of the base, or the config that builds it.'
    )


def base_tensors(path: str | Path, prefix: str = '') -> dict[str, Tensor]:
    """Read a file of weights, with the names that a delta uses.

    Args:
        path: Checkpoint or state dict.
        prefix: Text to put before each name, such as ``backbone.`` for a file
            with only an encoder.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it contains anything but named tensors.
    """
    return {prefix + name: t for name, t in read_tensors(path).items()}


def base_model(config: Config, seed: int | None = None) -> nn.Module:
    """Build the model with which a training of this config begins, on the CPU.

    The fingerprint in a delta shows whether this is its base.

    Args:
        config: Config with a model; not changed.
        seed: Seed of the training, for tensors that the config initialises
            randomly.

    Raises:
        FileNotFoundError: If a file of weights is missing.
        ValueError: If the config has no model, or one that cannot be built.
    """
    if 'model' not in config:
        raise ValueError(
            f'config: expected a model, got none ({config.filename}). Give '
            'the config of the training.'
        )
    try:
        return build_base(config, seed)
    except _WRONG_MODEL as error:
        raise ValueError(
            'config: expected a model that can be built, got '
            f'{type(error).__name__}: {error} ({config.filename}).'
        ) from error
