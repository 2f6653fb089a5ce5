# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base of a delta: a file of weights, or what a config builds."""

from pathlib import Path

from mmengine.config import Config
from torch import Tensor, nn

from gps_seg.engine.testing.task_model import build_base
from gps_seg.models.weight_files import read_tensors
from gps_seg.runs.launch import load_config

# What OpenMMLab raises when a config asks for a model that cannot be built.
_WRONG_MODEL = (
    AssertionError,
    AttributeError,
    ImportError,
    KeyError,
    NameError,
    TypeError,
)


def find_base(
    weights: str | Path | None,
    config: str | Path | None,
    prefix: str = '',
    seed: int | None = None,
) -> nn.Module | dict[str, Tensor]:
    """The base that the options of a command name.

    Args:
        weights: File of weights, or None.
        config: Config file, or None.
        prefix: As for :func:`base_tensors`.
        seed: As for :func:`base_model`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If not one of the two is given, or what is in it is not
            what it should be.
    """
    if (weights is None) == (config is None):
        raise ValueError(
            'base: expected either a file of weights (--base) or a config '
            f'that builds the base (--config), got {weights} and {config}.'
        )
    if weights is not None:
        return base_tensors(weights, prefix)
    return base_model(load_config(str(config)), seed)


def base_tensors(path: str | Path, prefix: str = '') -> dict[str, Tensor]:
    """Tensors of a file of weights, under the names that a delta has.

    Args:
        path: Checkpoint or state dict.
        prefix: Put before each name, such as ``backbone.`` for a file that
            holds an encoder alone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds anything but named tensors.
    """
    return {prefix + name: t for name, t in read_tensors(path).items()}


def base_model(config: Config, seed: int | None = None) -> nn.Module:
    """The model as a training by this config begins, on the CPU.

    Whether that is the base of a delta, the fingerprints in the delta tell.

    Args:
        config: Left as it is.
        seed: As for :func:`~gps_seg.engine.testing.task_model.build_base`.

    Raises:
        FileNotFoundError: If a file of weights is missing.
        ValueError: If the config has no model, or one that cannot be built.
    """
    if 'model' not in config:
        raise ValueError(
            f'config: expected a model, got none ({config.filename}). Give '
            'the config that the delta was trained with.'
        )
    try:
        return build_base(config, seed)
    except _WRONG_MODEL as error:
        raise ValueError(
            'config: expected a model that can be built, got '
            f'{type(error).__name__}: {error} ({config.filename}).'
        ) from error
