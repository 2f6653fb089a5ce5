# Copyright (c) gps_seg contributors. Apache-2.0.
"""From a config file and a command line to a runner."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.distributed
from mmengine.config import Config, DictAction
from mmengine.device import is_cuda_available
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from gps_seg.delta import is_delta
from gps_seg.engine.delta_hook import RESUME_FILE

AMP_WRAPPERS = {
    'PeftOptimWrapper': 'AmpPeftOptimWrapper',
    'OptimWrapper': 'AmpOptimWrapper',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every tool takes that runs a config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='overrides of the config: key=value ...',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(
    path: str,
    work_dir: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Read a config; its work directory defaults to ``work_dirs/<name>``.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'config: expected a file, got {path}. The configs of the project '
            'are under configs/.'
        )
    config = Config.fromfile(path)
    if overrides:
        config.merge_from_dict(dict(overrides))
    if work_dir is not None:
        config.work_dir = work_dir
    elif config.get('work_dir') is None:
        config.work_dir = str(Path('work_dirs') / Path(path).stem)
    return config


def set_seed(
    config: Config, seed: int | None, deterministic: bool = False
) -> None:
    """Set seed and determinism; what is not given keeps the config's."""
    randomness = dict(config.get('randomness') or {})
    if seed is not None:
        randomness['seed'] = seed
    if deterministic:
        randomness['deterministic'] = True
    config.randomness = randomness


def enable_amp(config: Config) -> None:
    """Replace the optim wrapper by its mixed-precision sibling.

    Raises:
        ValueError: If the config's wrapper has none that is known here.
    """
    wrapper = config.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper in AMP_WRAPPERS.values():
        return
    if wrapper not in AMP_WRAPPERS:
        raise ValueError(
            f'--amp: expected optim_wrapper.type among {list(AMP_WRAPPERS)}, '
            f"got '{wrapper}'. Set the mixed-precision wrapper in the config."
        )
    config.optim_wrapper.type = AMP_WRAPPERS[wrapper]


def set_resume(config: Config, checkpoint: str) -> None:
    """Go on with a run, from a checkpoint or (``'auto'``) its latest state.

    ``DeltaHook`` keeps one state per run; for those of ``CheckpointHook``
    MMEngine looks up the latest.
    """
    config.resume = True
    state = Path(config.work_dir, RESUME_FILE)
    if checkpoint == 'auto' and state.is_file():
        checkpoint = str(state)
    config.load_from = None if checkpoint == 'auto' else checkpoint


def set_k(config: Config, k: int) -> None:
    """Set the number of connections per neuron of the config's PeftHook.

    Raises:
        ValueError: If the config has no PeftHook with method ``gps``.
    """
    for hook in config.get('custom_hooks') or []:
        if hook.get('type') == 'PeftHook' and hook.method.type == 'gps':
            hook.method.k = k
            return
    raise ValueError(
        "--k: expected a PeftHook with method=dict(type='gps') in "
        'custom_hooks, got none. Only GPS selects connections.'
    )


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
    config.default_hooks.visualization = dict(
        type='SegVisualizationHook', draw=True
    )
    config.visualizer['save_dir'] = show_dir
