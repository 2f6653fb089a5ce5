# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train a task on two folders by one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gps_seg.files.run_files import BEST_DELTA_FILE, DELTA_FILE
from gps_seg.runs.console.screen import Console
from gps_seg.runs.own_folder.config_text import RUN
from gps_seg.runs.own_folder.starting import (
    BARS,
    ENCODER,
    METHOD,
    VAL_SHARE,
    Choices,
    new_task,
)
from gps_seg.runs.own_folder.task import Task
from gps_seg.runs.own_visualizer import with_own_visualizer
from gps_seg.runs.training import train_config


def finetune(
    images: str | Path,
    masks: str | Path,
    out: str | Path,
    *,
    method: str = METHOD,
    classes: Sequence[str] | Mapping[Any, str] | None = None,
    groups: str | None = None,
    encoder: str = ENCODER,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    val_share: float = VAL_SHARE,
    seed: int = 0,
    skip_unlabelled: bool = False,
) -> Task:
    """Tune a pretrained encoder to your images and masks.

    What is found in the folders, what is decided, the time it will take, and
    the progress are printed. ``gps-seg new`` and ``gps-seg train`` do the same
    in two steps.

    Args:
        images: Folder of the images.
        masks: Folder of the masks.
        out: Folder to create for the task: its config, lists, and the
            training in ``run``.
        method: Tuning method, one of :data:`gps_seg.peft.METHODS`, or a
            variant of the study in docs/results.md.
        classes: Names of the classes; see
            :func:`gps_seg.datasets.own_folder.look`.
        groups: Pattern or CSV file of images that belong together, such as
            the frames of a video; see there.
        encoder: Name of the pretrained encoder; see
            :func:`gps_seg.models.encoders.find_encoder`.
        size: Height and width of the input in pixels; None to choose by data
            and device.
        steps: Number of training steps; None to choose likewise.
        val_share: Share of the images that are validated.
        seed: Seed of the split and of the training.
        skip_unlabelled: Whether to leave out images without a mask;
            ``found.json`` lists them. Else they are an error.

    Returns:
        The task with the weights of the best validation.

    Raises:
        FileExistsError: If ``out`` is not empty.
        FileNotFoundError: If images or weights are missing.
        ValueError: If the images or masks cannot be used; lists all problems.
        MemoryError: If one image does not fit into the memory.

    Example::

        task = finetune('photos', 'outlines', 'polyps')
        labels = task.predict('new.jpg').labels
        task.save('polyps.safetensors')
    """
    choices = Choices(
        classes,
        groups,
        encoder,
        method,
        size,
        steps,
        val_share,
        seed,
        skip_unlabelled,
    )
    config = new_task(out, images, masks, choices, **BARS)
    config = with_own_visualizer(config)
    with Console() as console:
        train_config(config, console, f'Training {out}')
    run = Path(out, RUN)
    best = run / BEST_DELTA_FILE
    return Task(config, best if best.is_file() else run / DELTA_FILE)
