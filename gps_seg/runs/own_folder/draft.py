# Copyright (c) gps_seg contributors. Apache-2.0.
"""A task before its plan: data, encoder and method."""

from pathlib import Path
from typing import NamedTuple

from gps_seg.datasets.own_folder import Found
from gps_seg.models.encoders import Encoder
from gps_seg.runs.own_folder.method_rates import Start


class Draft(NamedTuple):
    """What a config is written from, besides the plan.

    Args:
        name: Name of the task.
        found: Images and masks.
        roots: Folders of the images and of the masks.
        counts: Number of training and of validation images.
        encoder: Encoder of the model.
        start: Settings and rate of the method.
        seed: Seed of the training.
    """

    name: str
    found: Found
    roots: tuple[Path, Path]
    counts: tuple[int, int]
    encoder: Encoder
    start: Start
    seed: int
