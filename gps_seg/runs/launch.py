# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build a runner from a config file and the options of a command line."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch.distributed
from mmengine.config import Config
from mmengine.device import is_cuda_available
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner, find_latest_checkpoint

from gps_seg.delta import is_delta
from gps_seg.engine.checkpoint_check import CHECKPOINT_KEY
from gps_seg.engine.config.source import read_config
from gps_seg.engine.hub.task_files import find_task
from gps_seg.engine.start_weights import start_of
from gps_seg.files.run_files import BASE_FILE, LATEST_FILE, RESUME_FILE
from gps_seg.models import read_checkpoint
from gps_seg.runs.overrides import parse_overrides


def load_config(
    source: str,
    work_dir: str | None = None,
    overrides: Sequence[str] | Mapping[str, Any] | None = None,
) -> Config:
    """Read a config; its work directory defaults to ``work_dirs/<name>``.

    Args:
        source: Path, or ``package::path``; see :func:`read_config`, also for
            further errors.
        work_dir: Work directory; None for the config's own, or the default.
        overrides: Values by dotted key, or the words ``KEY=VALUE`` of
            ``--cfg-options``.

    Raises:
        NotADirectoryError: If the work directory is a file, or lies in one.
        ValueError: If a word is not ``KEY=VALUE``.
    """
    values = parse_overrides(overrides, '--cfg-options')
    config = read_config(source, values)
    if work_dir is not None:
        config.work_dir = work_dir
    elif config.get('work_dir') is None:
        config.work_dir = str(Path('work_dirs') / Path(source).stem)
    _require_folder(Path(config.work_dir))
    return config


def _require_folder(path: Path) -> None:
    for each in (path, *path.parents):
        if each.is_file():
            raise NotADirectoryError(
                f'work directory: expected a folder, got the file {each}. '
                'Choose another one with --work-dir.'
            )


def set_seed(
    config: Config, seed: int | None, deterministic: bool = False
) -> None:
    """Set seed and determinism; by default those of the config stay."""
    # MMEngine needs the key, even if it is None.
    randomness = {'seed': None, **(config.get('randomness') or {})}
    if seed is not None:
        randomness['seed'] = seed
    if deterministic:
        randomness['deterministic'] = True
    config.randomness = randomness


def find_state(config: Config, checkpoint: str) -> str | None:
    """Find the state to continue from: a checkpoint, or the latest one.

    ``DeltaHook`` keeps one state per run; ``CheckpointHook`` names its latest
    one in a file. If ``'auto'`` finds neither, the run starts from the
    beginning, as job schedulers expect, with a warning.

    A state of a ``DeltaHook`` has no base. So the config gets the seed, and
    the ``base.pth`` beside the state as ``load_from``, if there is one.

    Args:
        config: Config of the run; changed in place.
        checkpoint: Path, URL, or ``'auto'`` for the latest state.

    Returns:
        The file for :func:`build_runner`, or None.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it is a delta.
    """
    if checkpoint == 'auto':
        return _latest_state(config)
    if '://' in checkpoint:
        return checkpoint
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'--resume: expected a checkpoint, got nothing at {checkpoint}. '
            'Without a path, --resume uses the latest in the work directory.'
        )
    if is_delta(checkpoint):
        raise ValueError(
            f'--resume: expected the state of a run, got the delta '
            f'{checkpoint}, which has no optimizer state. Use the '
            f'{RESUME_FILE} beside it.'
        )
    _prepare_base(config, Path(checkpoint))
    return checkpoint


def _prepare_base(config: Config, path: Path) -> None:
    """Let the config build the base of a state that does not contain it."""
    state = read_checkpoint(path)
    if 'base' not in state.get(CHECKPOINT_KEY, {}):
        return
    set_seed(config, state['meta']['seed'])
    kept = path.with_name(BASE_FILE)
    if kept.is_file():
        config.load_from = str(kept)


def _latest_state(config: Config) -> str | None:
    work_dir = Path(config.work_dir)
    if (work_dir / RESUME_FILE).is_file():
        return find_state(config, str(work_dir / RESUME_FILE))
    if (work_dir / LATEST_FILE).is_file():
        return find_state(config, find_latest_checkpoint(str(work_dir)))
    print_log(
        f'--resume: expected a state of the run in {work_dir}, got none. The '
        'run starts from the beginning.',
        logger='current',
        level=logging.WARNING,
    )
    return None


def set_launcher(config: Config, launcher: str) -> None:
    """Set the launcher; without a GPU, processes communicate by gloo.

    MMEngine's own start-up requires a CUDA device, and its default wrapper
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


def build_runner(config: Config, state: str | None = None) -> Runner:
    """Build the runner of a config, from the registry if it names a type.

    Args:
        config: Config of the run.
        state: Checkpoint from which a training continues, or None. It is not
            in the config, whose ``load_from`` names the base.
    """
    if 'runner_type' in config:
        runner = RUNNERS.build(config)
    else:
        runner = Runner.from_cfg(config)
    if state is not None:
        runner._resume, runner._load_from = True, state
    return runner


def set_local_rank(local_rank: int) -> None:
    """Pass on the rank that an older launcher gives as an argument."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))


def find_weights(address: str) -> str:
    """Find the file to test.

    Args:
        address: Path of a checkpoint or of a delta, or the address of a task;
            see :func:`gps_seg.engine.hub.task_files.find_task`, also for
            further errors.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = find_task(address).weights
    if not path.is_file():
        raise FileNotFoundError(
            f'checkpoint: expected a file, got nothing at {path}. Training '
            'writes delta.safetensors into its work directory.'
        )
    return str(path)


def prepare_test(
    config: Config, weights: str, out: str | None, show_dir: str | None
) -> None:
    """Put weights and output folders into the config of a test.

    Args:
        config: Config of the test; changed in place.
        weights: Path of a checkpoint, or of a delta for the config's base;
            see :func:`find_weights`.
        out: Folder for the predicted labels as PNG files, or None.
        show_dir: Folder for drawn predictions, or None.

    Raises:
        FileNotFoundError: If there is no file with the weights.
        ValueError: If a classifier should draw without a visualizer.
    """
    weights = find_weights(weights)
    config.load_from, config.resume = start_of(config), False
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
    if config.get('default_scope') != 'mmpretrain':
        drawing = dict(type='DrawingHook', folder=show_dir)
        config.custom_hooks = [*hooks, drawing]
        return
    if config.get('visualizer') is None:
        raise ValueError(
            '--show-dir: expected a visualizer in the config of a '
            "classifier, got none. Add dict(type='UniversalVisualizer', "
            "vis_backends=[dict(type='LocalVisBackend')])."
        )
    hook = dict(type='VisualizationHook', enable=True, interval=1)
    config.default_hooks.visualization = hook | {'out_dir': show_dir}
    config.visualizer['save_dir'] = show_dir
