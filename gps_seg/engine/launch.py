# Copyright (c) gps_seg contributors. Apache-2.0.
"""From a config file and a command line to a runner."""

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.distributed
from mmengine.config import Config, DictAction
from mmengine.device import is_cuda_available
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from gps_seg.delta import is_delta
from gps_seg.engine.config_source import read_config
from gps_seg.engine.delta_hook import RESUME_FILE


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """What every tool takes that reads a config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='overrides of the config: key=value ...',
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a tool takes that several processes can run together."""
    add_cfg_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(
    source: str,
    work_dir: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Read a config; its work directory defaults to ``work_dirs/<name>``.

    Args:
        source: Path, or ``package::path``; see :func:`read_config`, also for
            the errors.
        work_dir: In place of the config's.
        overrides: Values by dotted key.
    """
    config = read_config(source, overrides)
    if work_dir is not None:
        config.work_dir = work_dir
    elif config.get('work_dir') is None:
        config.work_dir = str(Path('work_dirs') / Path(source).stem)
    return config


def set_seed(
    config: Config, seed: int | None, deterministic: bool = False
) -> None:
    """Set seed and determinism; what is not given keeps the config's."""
    # MMEngine asks for a seed, be it None.
    randomness = {'seed': None, **(config.get('randomness') or {})}
    if seed is not None:
        randomness['seed'] = seed
    if deterministic:
        randomness['deterministic'] = True
    config.randomness = randomness


def set_resume(config: Config, checkpoint: str) -> None:
    """Go on with a run, from a checkpoint or (``'auto'``) its latest state.

    ``DeltaHook`` keeps one state per run; for those of ``CheckpointHook``
    MMEngine looks up the latest. Without either the run begins anew, as
    schedulers of clusters expect, and a warning says so.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it is a delta.
    """
    config.resume = True
    if checkpoint == 'auto':
        config.load_from = _latest_state(config)
        return
    if '://' not in checkpoint and not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'--resume: expected a checkpoint, got nothing at {checkpoint}. '
            'Without a name the latest of the work directory is taken.'
        )
    if '://' not in checkpoint and is_delta(checkpoint):
        raise ValueError(
            f'--resume: expected the state of a run, got the delta '
            f'{checkpoint}, which has no optimizer. Take the {RESUME_FILE} '
            'beside it.'
        )
    config.load_from = checkpoint


def _latest_state(config: Config) -> str | None:
    """Path for ``load_from``; None where MMEngine looks for itself."""
    work_dir = Path(config.work_dir)
    if (work_dir / RESUME_FILE).is_file():
        return str(work_dir / RESUME_FILE)
    # If it finds none it loads load_from as a start, silently.
    if not (work_dir / 'last_checkpoint').is_file():
        config.resume = False
        print_log(
            f'--resume: expected a state of the run in {work_dir}, got none: '
            'ignored, the run begins anew.',
            logger='current',
            level=logging.WARNING,
        )
        return config.get('load_from')
    return None


def set_launcher(config: Config, launcher: str) -> None:
    """Set the launcher; several processes without a GPU talk over gloo.

    MMEngine's own start-up asks for a CUDA device, and its default wrapper
    passes one to DDP.
    """
    config.launcher = launcher
    if launcher == 'none' or is_cuda_available():
        return
    if launcher != 'pytorch':
        raise ValueError(
            "--launcher: expected 'none' or 'pytorch' on a machine without "
            f"an accelerator, got '{launcher}'."
        )
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
    config.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
    )


def build_runner(config: Config) -> Runner:
    """The runner of the config, from the registry if it names a type."""
    if 'runner_type' in config:
        return RUNNERS.build(config)
    return Runner.from_cfg(config)


def set_local_rank(local_rank: int) -> None:
    """Tell MMEngine the rank that an older launcher gave as an argument."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))


def prepare_test(
    config: Config, weights: str, out: str | None, show_dir: str | None
) -> None:
    """Arrange what testing needs beside the config.

    Args:
        config: Is changed in place.
        weights: A checkpoint, or a delta to put on the base of the config.
        out: Folder for the predicted labels as PNG, or None.
        show_dir: Folder for images with drawn predictions, or None.

    Raises:
        FileNotFoundError: If there is no file of the weights.
        ValueError: If drawing is asked for without a visualizer.
    """
    if not Path(weights).is_file():
        raise FileNotFoundError(
            f'checkpoint: expected a file, got {weights}. Training writes '
            'delta.safetensors into its work directory.'
        )
    hooks = [*(config.get('custom_hooks') or [])]
    if is_delta(weights):
        hooks.append(dict(type='TaskHook', path=weights))
    else:
        config.load_from = weights
        hooks.append(dict(type='StrictCheckpointHook'))
    if out is not None:
        hooks.append(dict(type='PredictionHook', folder=out))
    config.custom_hooks = hooks
    if show_dir is None:
        return
    if config.get('visualizer') is None:
        raise ValueError(
            '--show-dir: expected a visualizer in the config, got none. Add '
            "dict(type='SegLocalVisualizer', vis_backends="
            "[dict(type='LocalVisBackend')])."
        )
    if config.get('default_scope') == 'mmpretrain':
        hook = dict(type='VisualizationHook', enable=True, interval=1)
        hook['out_dir'] = show_dir
    else:
        hook = dict(type='SegVisualizationHook', draw=True)
    config.default_hooks.visualization = hook
    config.visualizer['save_dir'] = show_dir
