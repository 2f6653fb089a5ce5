# Copyright (c) gps_seg contributors. Apache-2.0.
"""Hold out a part of the training images, on which rates are tuned."""

import copy
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope

from gps_seg.runs.console.screen import quiet
from gps_seg.runs.scoring.data_sets import groups_by_name
from gps_seg.runs.scoring.images import SCORED, image_names

_SEED = 0


class Split(NamedTuple):
    """Positions of training images in their data set, in order.

    Args:
        train: Positions of the images that train.
        held_out: Positions of the images that score.
        paths: Paths of all training images, by position.
    """

    train: list[int]
    held_out: list[int]
    paths: list[str]

    def named(self) -> dict[str, list[str]]:
        """The names of both parts; no two images have the same name."""
        names = image_names(self.paths)
        return {
            'train': [names[i] for i in self.train],
            'held_out': [names[i] for i in self.held_out],
        }


def split_training_images(
    config: Config, share: float, groups: Mapping[str, str]
) -> Split:
    """Hold out a share of the training images, by a fixed seed.

    Args:
        config: Config whose ``train_dataloader`` is split.
        share: Share of the images to hold out, in (0, 1).
        groups: Group of each image by its name, such as the video of a frame;
            a group is not divided. Empty if every image stands alone. See
            :func:`gps_seg.runs.scoring.data_sets.groups_by_name`.

    Raises:
        ValueError: If the data set is a wrapper of others, an image has no
            group where others have one, or a part would be empty.
    """
    dataset = _training_set(config)
    infos = map(dataset.get_data_info, range(len(dataset)))
    paths = [info['img_path'] for info in infos]
    group_of = groups_by_name(paths, groups, 'the training images')
    members: dict[str, list[int]] = {}
    for position, name in enumerate(image_names(paths)):
        members.setdefault(group_of.get(name, name), []).append(position)
    order = sorted(members)
    random.Random(_SEED).shuffle(order)
    held_out: list[int] = []
    for group in order:
        if len(held_out) >= share * len(paths):
            break
        held_out += members[group]
    train = sorted(set(range(len(paths))) - set(held_out))
    if not train or not held_out:
        raise ValueError(
            'train_dataloader: expected images to hold out and others to '
            f'train, got {len(paths)} images in {len(members)} groups. Use '
            'another --held-out share, or no --rates.'
        )
    return Split(train, sorted(held_out), paths)


def _training_set(config: Config) -> BaseDataset:
    init_default_scope(config.get('default_scope') or 'mmseg')
    settings = config.train_dataloader.dataset
    if {'dataset', 'datasets', 'indices'} & set(settings):
        raise ValueError(
            '--rates: expected one whole data set of training images, got '
            f'{settings.type} with other data sets or indices in it. Give a '
            'config of one data set with --tune-with.'
        )
    with quiet():
        dataset: BaseDataset = DATASETS.build(dict(settings, pipeline=[]))
    return dataset


def on_training_images(config: Config, split: Split) -> Config:
    """A copy of a config that trains and scores on training images.

    Args:
        config: Config with loaders for training and validation.
        split: Parts of its training images.
    """
    own = copy.deepcopy(config)
    data = own.train_dataloader.dataset
    for key in SCORED:
        loader = own.get(key)
        if loader is not None:
            loader.dataset = dict(
                copy.deepcopy(data),
                pipeline=loader.dataset.pipeline,
                **_chosen(split.held_out),
            )
    data.update(_chosen(split.train))
    return own


def _chosen(positions: Sequence[int]) -> dict[str, Any]:
    return dict(indices=list(positions))
