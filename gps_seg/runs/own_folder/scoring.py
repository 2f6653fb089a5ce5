# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images to score a task on: its own, or those of two folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.datasets.own_folder import paired, write_list
from gps_seg.runs.scoring.images import ImagesToScore


def images_to_score(
    config: Config,
    images: str | Path | None,
    masks: str | Path | None,
    folder: Path,
) -> ImagesToScore:
    """Open the images that a task is scored on.

    Args:
        config: Config of the task; perhaps the part of it that a delta has.
        images: Folder of images; None for the validation of the config.
        masks: Folder of their masks; None likewise.
        folder: Folder for a list of the images.

    Raises:
        FileNotFoundError: If a folder or an image is missing.
        ValueError: If one of two folders is missing, or they do not pair.
    """
    if (images is None) != (masks is None):
        raise ValueError(
            'evaluate: expected a folder of images and one of masks, got one '
            'of them. Give both, or none for the validation images.'
        )
    if images is None:
        return ImagesToScore(_with_validation(config))
    path = folder / 'scored.txt'
    write_list(paired(images, masks), path)
    dataset = config.test_dataloader.dataset
    return ImagesToScore(
        _one_by_one(
            dict(
                type='FolderDataset',
                images=str(images),
                masks=str(masks),
                ann_file=str(path),
                metainfo=dataset.metainfo,
                pipeline=dataset.pipeline,
            )
        )
    )


def _with_validation(config: Config) -> Config:
    if config.get('val_cfg') is None:
        raise ValueError(
            'evaluate: expected a folder of images and one of masks, got '
            'none. A task that was loaded from a file does not know where '
            'its validation images are.'
        )
    return config


def _one_by_one(dataset: dict[str, Any]) -> Config:
    """A validation of single images, of whatever sizes."""
    loader = dict(
        batch_size=1,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dataset,
    )
    return Config(
        dict(
            default_scope='mmseg',
            val_dataloader=loader,
            val_cfg=dict(type='ValLoop'),
        )
    )
