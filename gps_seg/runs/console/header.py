# Copyright (c) gps_seg contributors. Apache-2.0.
"""The description of a run on the console, before it begins."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from gps_seg.command_line.next_steps import shown
from gps_seg.engine.reporting.environment import device_name
from gps_seg.engine.reporting.machine import cpu_cores
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.peft_hook import peft_hooks_of
from gps_seg.text.short import method_text, short_count


def describe_training(runner: Runner) -> str:
    """Describe a training: model, method, data, schedule, device, folder.

    Args:
        runner: Runner with its data sets built.
    """
    return _block(
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


def describe_test(runner: Runner) -> str:
    """Describe a test; see :func:`describe_training`."""
    return _block(
        [
            ('model', _model(bare_model(runner))),
            ('data', f'{_size(runner.test_dataloader)} to test'),
            ('device', _device()),
            ('log', shown(log_file(runner))),
        ],
    )


def log_file(runner: Runner) -> Path:
    """The log file of the run."""
    return Path(runner.log_dir, f'{runner.timestamp}.log')


def _block(lines: Iterable[tuple[str, str]]) -> str:
    return '\n'.join(f'  {key:8}  {text}' for key, text in lines)


def _model(model: nn.Module) -> str:
    parts = [
        type(getattr(model, name)).__name__
        for name in ('backbone', 'decode_head', 'head')
        if isinstance(getattr(model, name, None), nn.Module)
    ]
    number = sum(p.numel() for p in model.parameters())
    inside = f' of {" and ".join(parts)}' if parts else ''
    return f'{type(model).__name__}{inside}, {short_count(number)} parameters'


def _method(runner: Runner) -> str:
    for hook in peft_hooks_of(runner):
        return method_text(hook.config)
    return 'none (trains all parameters that the config does not freeze)'


def _data(runner: Runner) -> str:
    text = f'{_size(runner.train_dataloader)} to train on'
    if runner.val_loop is not None:
        text += f', {_length(runner.val_dataloader.dataset)} to validate'
    return text


def _size(loader: Any) -> str:
    """Length and name of a data set."""
    dataset = loader.dataset
    return f'{type(dataset).__name__}, {_length(dataset)} images'


def _length(dataset: Any) -> str:
    """Number of images; unknown for a data set that streams them."""
    return f'{len(dataset):,}' if hasattr(dataset, '__len__') else 'unknown'


def _schedule(runner: Runner) -> str:
    loader, loop = runner.train_dataloader, runner.train_loop
    # With a batch sampler, PyTorch's loader has no batch size itself.
    images = getattr(loader.batch_sampler, 'batch_size', loader.batch_size)
    images = (images or 1) * get_world_size()
    text = f'{_number(runner.max_iters, "iteration")} of {images} images'
    unit = 'iteration'
    if isinstance(loop, EpochBasedTrainLoop):
        unit = 'epoch'
        text = f'{_number(runner.max_epochs, unit)}, {text}'
    if runner.val_loop is None:
        return f'{text}, no validation'
    return f'{text}, validation every {_number(loop.val_interval, unit)}'


def _device() -> str:
    text = device_name()
    if not torch.cuda.is_available():
        cores = _number(cpu_cores(), 'core')
        threads = _number(torch.get_num_threads(), 'thread')
        text = f'CPU ({text}, {cores}, {threads})'
    processes = get_world_size()
    return text if processes == 1 else f'{processes} processes, {text}'


def _number(number: int, noun: str) -> str:
    return f'{number:,} {noun}{"" if number == 1 else "s"}'
