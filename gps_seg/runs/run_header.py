# Copyright (c) gps_seg contributors. Apache-2.0.
"""What runs, in a few lines, as it begins."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from gps_seg.engine.reporting.environment import device_name
from gps_seg.engine.reporting.machine import cpu_cores
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.peft_hook import PeftHook
from gps_seg.visualization.run_results import method_name


def describe_training(runner: Runner, source: str) -> str:
    """Lines on a training: model, method, data, schedule, device, folder.

    Args:
        runner: Runner with its data sets built.
        source: Config as the user named it.
    """
    return _block(
        f'Training by {source}',
        [
            ('model', _model(bare_model(runner))),
            ('method', _method(runner)),
            ('data', _data(runner)),
            ('schedule', _schedule(runner)),
            ('device', _device()),
            ('folder', shown(runner.work_dir)),
            ('log', shown(log_file(runner))),
        ],
    )


def describe_test(runner: Runner, source: str) -> str:
    """Lines on a test; see :func:`describe_training`."""
    return _block(
        f'Testing by {source}',
        [
            ('model', _model(bare_model(runner))),
            ('data', f'{_size(runner.test_dataloader)} to test'),
            ('device', _device()),
            ('log', shown(log_file(runner))),
        ],
    )


def shown(path: str | Path) -> str:
    """A path as short as it can be: relative inside the current folder."""
    path = Path(path)
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def log_file(runner: Runner) -> Path:
    """The log file of the run."""
    return Path(runner.log_dir, f'{runner.timestamp}.log')


def _block(title: str, lines: Iterable[tuple[str, str]]) -> str:
    return '\n'.join([title, *(f'  {key:8}  {text}' for key, text in lines)])


def _model(model: nn.Module) -> str:
    parts = [
        type(getattr(model, name)).__name__
        for name in ('backbone', 'decode_head', 'head')
        if isinstance(getattr(model, name, None), nn.Module)
    ]
    number = sum(p.numel() for p in model.parameters()) / 1e6
    inside = f' of {" and ".join(parts)}' if parts else ''
    return f'{type(model).__name__}{inside}, {number:.1f} M parameters'


def _method(runner: Runner) -> str:
    for hook in runner.hooks:
        if isinstance(hook, PeftHook):
            return method_name(hook.config)
    return 'none: all parameters that the config does not freeze train'


def _data(runner: Runner) -> str:
    text = f'{_size(runner.train_dataloader)} to train on'
    if runner.val_loop is not None:
        text += f', {len(runner.val_dataloader.dataset)} to validate'
    return text


def _size(loader: Any) -> str:
    """Length and name of a data set."""
    dataset = loader.dataset
    return f'{type(dataset).__name__}, {len(dataset):,} images'


def _schedule(runner: Runner) -> str:
    loader = runner.train_dataloader
    images = (loader.batch_size or 1) * get_world_size()
    loop, unit = runner.train_loop, 'iterations'
    text = f'{runner.max_iters:,} iterations of {images} images'
    if isinstance(loop, EpochBasedTrainLoop):
        text, unit = f'{runner.max_epochs} epochs, {text}', 'epochs'
    if runner.val_loop is None:
        return f'{text}, no validation'
    return f'{text}, validation every {loop.val_interval:,} {unit}'


def _device() -> str:
    processes = get_world_size()
    several = f'{processes} processes, each ' if processes > 1 else ''
    if torch.cuda.is_available():
        return f'{several}{device_name()}'
    threads = torch.get_num_threads()
    return (
        f'{several}CPU ({device_name()}, {cpu_cores()} cores, '
        f'{threads} thread{"s" if threads > 1 else ""})'
    )
