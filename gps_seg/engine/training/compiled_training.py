# Copyright (c) gps_seg contributors. Apache-2.0.
"""The setting ``compile`` of MMEngine, for a run that tunes."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from gps_seg.engine.runner_model import bare_model
from gps_seg.execution import CompiledParts, compile_parts


def check_compile(config: Config) -> None:
    """Raise ValueError unless ``compile`` is a flag or fits torch.compile."""
    setting = config.get('compile') or False
    if not isinstance(setting, bool | Mapping):
        raise ValueError(
            'compile: expected True, False or a dict with arguments of '
            f'torch.compile, got {setting!r}.'
        )
    if not isinstance(setting, Mapping):
        return
    try:
        torch.compile(torch.nn.Identity(), **setting)
    except (TypeError, RuntimeError) as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(
            'compile: expected arguments of torch.compile, got '
            f'{dict(setting)}: {reason}'
        ) from error


def undo_compiled_step(runner: Runner) -> None:
    """Give the model its own ``train_step``, which MMEngine has compiled.

    The selection trains and scores with it, step by step and hook by hook.

    Args:
        runner: Runner whose model is not wrapped.
    """
    if _options(runner) is not None:
        vars(runner.model).pop('train_step', None)


def compile_training(runner: Runner) -> CompiledParts | None:
    """Compile the parts of the model that compute with tensors.

    Args:
        runner: Runner that is about to train.

    Returns:
        The parts; None unless the config has ``compile``.
    """
    options = _options(runner)
    if options is None:
        return None
    parts = compile_parts(bare_model(runner), **options)
    print_log(
        f'Compile: {", ".join(parts.names)}, in place of the whole train_step '
        'with losses and logs. The first iterations take longer.',
        logger='current',
    )
    return parts


def _options(runner: Runner) -> dict[str, Any] | None:
    """The arguments of ``torch.compile``; None for no compilation."""
    settings = runner.cfg.get('compile')
    if isinstance(settings, Mapping):
        return dict(settings)
    return {} if settings else None
