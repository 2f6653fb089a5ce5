# Copyright (c) gps_seg contributors. Apache-2.0.
"""The tasks of a page: delta files of one base, and their facts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.delta import Delta, DeltaInfo
from gps_seg.engine.config.text import config_from_text
from gps_seg.engine.testing.image_names import name_images
from gps_seg.files.run_files import (
    BEST_DELTA_FILE,
    DELTA_FILE,
    EMA_DELTA_FILE,
)
from gps_seg.text.short import short_method_text

#: Name of the base without a delta.
BASE = 'base'
# Runs give these names to their files; the folder says more.
_OF_RUNS = (DELTA_FILE, BEST_DELTA_FILE, EMA_DELTA_FILE)
_DICE = ('image_mDice', 'mDice', 'Dice')


@dataclass(frozen=True, eq=False)
class Task:
    """A task that can be put on the base.

    Args:
        name: Name on the page, different for each task.
        delta: Delta of the task; None for the base as it is.
        num_bytes: Size of the file of the delta.
        classes: Names of the classes, in the order of the labels.
        palette: Colours of the classes (red, green, blue; 0 to 255), or none.
        pipeline: Test pipeline of the training; None for that of the base.

    Example:
        >>> task = Task('polyps', None, classes=('background', 'polyp'))
        >>> task.method, task.dice
        ('no delta', None)
    """

    name: str
    delta: Delta | None
    num_bytes: int = 0
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    pipeline: Sequence[Mapping[str, Any]] | None = field(
        default=None, repr=False
    )

    @property
    def method(self) -> str:
        """The method that made the delta, with its settings."""
        if self.delta is None:
            return 'no delta'
        return short_method_text(self.delta.info.method) or 'unknown method'

    @property
    def dice(self) -> float | None:
        """Dice in percent when the delta was saved; None if unknown."""
        metric = {} if self.delta is None else self.delta.info.metric
        return next((metric[name] for name in _DICE if name in metric), None)


def read_tasks(paths: Sequence[str | os.PathLike[str]]) -> list[Task]:
    """Read the deltas of a page.

    A task is named after its file, or after the folder of its run.

    Args:
        paths: Files of deltas, one or more.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If there are none, or a file is not a delta.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> from gps_seg.delta import extract
        >>> one, other = {'bias': torch.ones(2)}, {'bias': torch.zeros(2)}
        >>> with TemporaryDirectory() as folder:
        ...     extract(one, other).save(f'{folder}/polyps.safetensors')
        ...     [task.name for task in read_tasks(
        ...         [f'{folder}/polyps.safetensors'])]
        ['polyps']
    """
    files = [Path(path).absolute() for path in paths]
    if not files:
        raise ValueError(
            'deltas: expected one or more files, got none. Name the '
            'delta.safetensors of a run.'
        )
    places = {f: f.parent if f.name in _OF_RUNS else f for f in files}
    if len(set(places.values())) < len(set(files)):
        places = {file: file for file in files}
    names = name_images(map(str, places.values()))
    return [_read(file, names[str(places[file])]) for file in files]


def config_of(tasks: Sequence[Task]) -> Config:
    """The config of the base, from the first delta; no code in it is run.

    Args:
        tasks: Tasks of one base, one or more.

    Raises:
        ValueError: If the delta has no config, or one that cannot be read as
            data.
    """
    delta = tasks[0].delta
    text = '' if delta is None else delta.info.config
    if not text:
        raise ValueError(
            'base: expected a delta with the config of its training, got one '
            'without. Name the config with --base.'
        )
    try:
        return config_from_text(text)
    except ValueError as error:
        raise ValueError(f'{error} Or name it here with --base.') from error


def _read(file: Path, name: str) -> Task:
    delta = Delta.load(file)
    info = delta.info
    return Task(
        name=name,
        delta=delta,
        num_bytes=file.stat().st_size,
        classes=info.classes,
        palette=info.palette,
        pipeline=_pipeline_of(info),
    )


def _pipeline_of(info: DeltaInfo) -> Sequence[Mapping[str, Any]] | None:
    """The test pipeline in a delta, if its config can be read as data."""
    try:
        return config_from_text(info.config).get('test_pipeline')
    except ValueError:
        return None
