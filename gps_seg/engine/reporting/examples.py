# Copyright (c) gps_seg contributors. Apache-2.0.
"""Validation images that are predicted once more for a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.hooks import EMAHook
from mmengine.runner import Runner
from mmengine.runner.amp import autocast

from gps_seg.datasets.ignored_label import ignored_label
from gps_seg.engine.labelled_image import overlay_of
from gps_seg.engine.runner_model import bare_model
from gps_seg.evaluation import ImageScore
from gps_seg.visualization import Overlay


class Example(NamedTuple):
    """An image to show.

    Args:
        group: Reason to show it, such as ``'worst'``; may be empty.
        img_path: Path of the image.
        dice: Dice in percent; None if it was not scored.
    """

    group: str
    img_path: str
    dice: float | None = None


def pick_examples(
    scores: Sequence[ImageScore], num_each: int
) -> list[Example]:
    """Worst, median and best images by Dice, ``num_each`` of each.

    No image is picked twice. If there are fewer than ``3 * num_each`` images,
    each group has a third of them; if there are fewer than three, all are
    picked. Equal scores are ordered by path.

    Args:
        scores: Scores of a validation, one or more.
        num_each: Number of images in each group, 1 or more.
    """
    ranked = sorted(scores, key=lambda score: (score.dice, score.img_path))
    if len(ranked) < 3:
        return [Example('', score.img_path, score.dice) for score in ranked]
    size = min(num_each, len(ranked) // 3)
    middle = (len(ranked) - size) // 2
    groups = {
        'worst': ranked[:size],
        'median': ranked[middle:][:size],
        'best': ranked[-size:],
    }
    return [
        Example(group, score.img_path, score.dice)
        for group, chosen in groups.items()
        for score in chosen
    ]


def spread_examples(runner: Runner, number: int) -> list[Example]:
    """Pick images evenly through a validation set without scores."""
    paths = list(_index_by_path(runner.val_dataloader.dataset))
    number = min(number, len(paths))
    return [
        Example('', paths[i * len(paths) // number]) for i in range(number)
    ]


def predict_examples(
    runner: Runner, examples: Sequence[Example]
) -> list[Overlay]:
    """Predict the examples as the validation did, in the size of their files.

    Args:
        runner: Runner with a validation data set, after the training.
        examples: Images to predict; those that are not in the validation
            data set are left out.
    """
    index_of = _index_by_path(runner.val_dataloader.dataset)
    with _as_in_validation(runner):
        return [
            _predict(runner, example, index_of[example.img_path])
            for example in examples
            if example.img_path in index_of
        ]


def _index_by_path(dataset: Any) -> dict[str, int]:
    """Image path -> index; empty for a data set that keeps no paths."""
    if not hasattr(dataset, 'get_data_info'):
        return {}
    infos = map(dataset.get_data_info, range(len(dataset)))
    return {
        info['img_path']: index
        for index, info in enumerate(infos)
        if 'img_path' in info
    }


@contextmanager
def _as_in_validation(runner: Runner) -> Iterator[None]:
    """A context with the mode, weights and precision of a validation."""
    averages = [hook for hook in runner.hooks if isinstance(hook, EMAHook)]
    was_training = runner.model.training
    half = getattr(runner.val_loop, 'fp16', False)
    runner.model.eval()
    for hook in averages:
        hook.before_val_epoch(runner)
    try:
        with torch.no_grad(), autocast(enabled=half):
            yield
    finally:
        for hook in reversed(averages):
            hook.after_val_epoch(runner)
        runner.model.train(was_training)


def _predict(runner: Runner, example: Example, index: int) -> Overlay:
    loader = runner.val_dataloader
    batch = loader.collate_fn([loader.dataset[index]])
    sample = runner.model.val_step(batch)[0]
    ignored = ignored_label(bare_model(runner))
    return overlay_of(sample, _title(example), ignored)


def _title(example: Example) -> str:
    name = Path(example.img_path).stem
    dice = '' if example.dice is None else f'Dice {example.dice:.1f}'
    return '\n'.join(filter(None, (example.group, name, dice)))
