# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make the folder of a new task: lists, config, a picture of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from rich.progress import track

from gps_seg.datasets.own_folder import (
    Found,
    look,
    split,
    split_notes,
    write_lists,
)
from gps_seg.datasets.progress import Progress
from gps_seg.engine.config.source import read_config
from gps_seg.files import new_folder, require_new_or_empty, write_text
from gps_seg.files.shared_files import CONFIG_FILE
from gps_seg.models.encoders import find_encoder
from gps_seg.runs.own_folder.config_text import config_text
from gps_seg.runs.own_folder.draft import Draft
from gps_seg.runs.own_folder.expectation import Expectation, measure
from gps_seg.runs.own_folder.machine import Machine
from gps_seg.runs.own_folder.method_rates import start_of_method
from gps_seg.runs.own_folder.picture import draw_found
from gps_seg.runs.own_folder.plan import SHARE, Plan, make_plan
from gps_seg.runs.own_folder.plan_text import describe_plan

#: A picture of what was found.
FOUND_PICTURE = 'found.png'
#: Encoder of a task that names none: small, and a good start.
ENCODER = 'vit-small-p14_dinov2'
#: The selection that was above tuning the biases, and above as many random
#: connections, on the training images of two data sets; docs/selection.md.
METHOD = 'gps decrement'
VAL_SHARE = 0.2
#: Progress bars on the screen, for :func:`new_task`.
BARS: dict[str, Progress[Any]] = {
    'progress': partial(track, description='Looking'),
    'comparing': partial(track, description='Comparing'),
}


class Choices(NamedTuple):
    """What a user may choose; the rest follows from data and machine.

    Args:
        classes: Names of the classes; see
            :func:`gps_seg.datasets.own_folder.look`.
        groups: Pattern or CSV file of the images that belong together; see
            there.
        encoder: Name of the encoder; see
            :func:`gps_seg.models.encoders.find_encoder`.
        method: Name of the method; see
            :func:`gps_seg.runs.own_folder.method_rates.start_of_method`.
        size: Height and width of the input in pixels; None for the rule of
            :func:`gps_seg.runs.own_folder.plan.input_size`.
        steps: Number of steps; None for the rule of
            :func:`gps_seg.runs.own_folder.plan.make_plan`.
        val_share: Share of the images that are validated, not trained on.
        seed: Seed of the split and of the training.
        skip_unlabelled: Whether to leave out images without a mask.
    """

    classes: Sequence[str] | Mapping[Any, str] | None = None
    groups: str | None = None
    encoder: str = ENCODER
    method: str = METHOD
    size: tuple[int, int] | None = None
    steps: int | None = None
    val_share: float = VAL_SHARE
    seed: int = 0
    skip_unlabelled: bool = False


def new_task(
    folder: str | Path,
    images: str | Path,
    masks: str | Path,
    choices: Choices,
    *,
    say: Callable[[str], None] = print,
    progress: Progress[Any] = iter,
    comparing: Progress[Any] = iter,
) -> Config:
    """Look at a user's images, decide, and write the folder of a task.

    The folder gets ``config.py``, an ordinary config; ``splits/``, the lists
    of images to train on and to validate; ``found.json`` and ``found.png``,
    what was found. The images stay where they are.

    Args:
        folder: Folder to create; an empty one may exist.
        images: Folder of the images.
        masks: Folder of the masks.
        choices: Choices of the user.
        say: Function that receives what was found and decided.
        progress: Wrapper of the files that shows how many are left.
        comparing: Wrapper of the comparisons of all images, likewise.

    Returns:
        The config of the task.

    Raises:
        FileExistsError: If ``folder`` is not empty.
        FileNotFoundError: If there are no such images, or no weights.
        ValueError: If the images or masks cannot be used, or a choice cannot
            be; lists all problems.
        MemoryError: If one training image does not fit into the memory.

    Example::

        config = new_task('polyps', 'photos', 'outlines', Choices(steps=900))
    """
    folder = Path(folder).resolve()
    require_new_or_empty(folder)
    roots = (Path(images).resolve(), Path(masks).resolve())
    encoder = find_encoder(choices.encoder)
    start = start_of_method(choices.method)
    found = look(
        *roots,
        classes=choices.classes,
        groups=choices.groups,
        skip_unlabelled=choices.skip_unlabelled,
        progress=progress,
        comparing=comparing,
    )
    say(found.text())
    parts = split(found, choices.val_share, choices.seed)
    say('\n'.join(split_notes(found, parts)))
    draft = Draft(
        name=folder.name,
        found=found,
        roots=roots,
        counts=(len(parts['train']), len(parts['val'])),
        encoder=encoder,
        start=start,
        seed=choices.seed,
    )
    machine = Machine.here()
    plan = _plan(draft, machine, choices)
    with new_folder(folder) as partial:
        write_lists(found, parts, partial)
        draw_found(found, partial / FOUND_PICTURE)
        say('Measuring a few steps ...')
        plan, expected = _fitted(plan, draft, partial / CONFIG_FILE, machine)
    say(describe_plan(plan, expected, machine, draft))
    return read_config(str(folder / CONFIG_FILE))


def _plan(draft: Draft, machine: Machine, choices: Choices) -> Plan:
    plan = make_plan(
        _sizes(draft.found),
        len(draft.found.classes),
        draft.counts[0],
        draft.encoder.patch,
        machine,
        choices.size,
    )
    return plan if choices.steps is None else plan.with_steps(choices.steps)


def _sizes(found: Found) -> list[tuple[int, int]]:
    """Height and width of each image."""
    sizes = []
    for text, number in found.sizes.items():
        width, height = map(int, text.split('x'))
        sizes += [(height, width)] * number
    return sizes


def _fitted(
    plan: Plan, draft: Draft, path: Path, machine: Machine
) -> tuple[Plan, Expectation]:
    """Halve the batch until a step fits into the memory; write the config."""
    while True:
        write_text(config_text(draft, plan), path)
        config = read_config(str(path))
        try:
            expected = measure(config, plan, draft.counts[1])
        except MemoryError:
            expected = None
        if expected is not None and _fits(expected, machine):
            return plan, expected
        plan = plan.with_smaller_batch()


def _fits(expected: Expectation, machine: Machine) -> bool:
    if expected.peak_bytes is None or machine.free_bytes is None:
        return True
    return expected.peak_bytes <= SHARE * machine.free_bytes
