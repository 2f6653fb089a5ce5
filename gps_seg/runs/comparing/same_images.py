# Copyright (c) gps_seg contributors. Apache-2.0.
"""The same images, as every variant predicts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import mmcv

from gps_seg.comparison import RunRecord
from gps_seg.comparison.label_maps import label_file
from gps_seg.comparison.records import VALIDATION
from gps_seg.runs.comparing.jobs import Jobs
from gps_seg.runs.comparing.running import PREDICTIONS
from gps_seg.runs.scoring.images import ImagesToScore
from gps_seg.visualization import ClassColours, GridRow
from gps_seg.visualization.comparison.images import chosen_images, plot_images


def prediction_folders(jobs: Jobs) -> dict[str, dict[int, Path]]:
    """Folders of predicted label maps, by variant and seed.

    Args:
        jobs: Runs of a comparison; empty for classifiers.
    """
    folders: dict[str, dict[int, Path]] = {}
    for variant in jobs.variants:
        for job in jobs.final_runs(variant):
            labels = job.folder / PREDICTIONS
            if job.is_finished and labels.is_dir():
                folders.setdefault(variant.name, {})[job.seed] = labels
    return folders


def plot_same_images(
    jobs: Jobs, runs: Sequence[RunRecord], references: Sequence[str]
) -> list[Path]:
    """Draw the worst, median and best image of the first reference.

    All variants predict them in the run of one seed. Nothing is drawn for
    classifiers, nor of runs whose predictions were removed.

    Args:
        jobs: Runs of the comparison.
        runs: Records of the finished final runs.
        references: Variants that the others are compared with; the first run
            chooses the images if there are none.

    Returns:
        Paths of the PNG files.
    """
    folders = prediction_folders(jobs)
    runs = [run for run in runs if run.seed in folders.get(run.variant, {})]
    if not runs:
        return []
    chooser = next(
        (run for run in runs if run.variant in references[:1]), runs[0]
    )
    alike = {run.variant: run for run in runs if run.seed == chooser.seed}
    images = ImagesToScore(jobs.final)
    scores = {name: _dice(run) for name, run in alike.items()}
    rows = [
        _row(images, image, kind, scores, folders, chooser.seed)
        for image, kind in chosen_images(scores[chooser.variant]).items()
    ]
    classes = ClassColours.from_metainfo(images.loader.dataset.metainfo)
    return plot_images(rows, jobs.folder, classes)


def _dice(run: RunRecord) -> dict[str, float]:
    scores = run.scores[VALIDATION]
    values = scores.per_image[scores.metric]
    return dict(zip(scores.images, values, strict=True))


def _row(
    images: ImagesToScore,
    image: str,
    kind: str,
    scores: Mapping[str, Mapping[str, float]],
    folders: Mapping[str, Mapping[int, Path]],
    seed: int,
) -> GridRow:
    predictions = {
        name: cv2.imread(
            str(label_file(folders[name][seed], image)), cv2.IMREAD_UNCHANGED
        )
        for name in scores
    }
    captions = {name: f'Dice {scores[name][image]:.1f}' for name in scores}
    picture = mmcv.imread(images.path(image), channel_order='rgb')
    title = f'{kind}\n{image}'
    return GridRow(picture, images.truth(image), predictions, title, captions)
