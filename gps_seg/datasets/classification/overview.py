# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the data sets of a config hold, before a run of hours is started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope

from gps_seg.sparse.text_table import aligned

LOADERS = ('train', 'val', 'test')
HEADINGS = ('', 'data set', 'split', 'images', 'classes', 'fewest', 'most')


class SplitOverview(NamedTuple):
    """One data set of a config.

    Args:
        loader: ``'train'``, ``'val'`` or ``'test'``.
        kind: Its type.
        split: Its split, if it tells.
        images: Paths of its images.
        labels: Of the images; empty if they have none of their own.
    """

    loader: str
    kind: str
    split: str
    images: Sequence[str]
    labels: Sequence[int]

    def row(self) -> tuple[str, ...]:
        """Cells under :data:`HEADINGS`."""
        counts = Counter(self.labels).values()
        in_classes = (
            (str(len(counts)), str(min(counts)), str(max(counts)))
            if counts
            else ('', '', '')
        )
        return (
            self.loader,
            self.kind,
            self.split,
            f'{len(self.images):,}',
            *in_classes,
        )


def look_at(config: Mapping[str, Any]) -> list[SplitOverview]:
    """Build the data sets of a config, which check themselves.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a data set is not what it should be, the head has
            another number of classes, or a training image is also tested.
    """
    init_default_scope(config.get('default_scope') or 'mmseg')
    found = []
    for loader in LOADERS:
        settings = config.get(f'{loader}_dataloader')
        if settings is None:
            continue
        dataset = DATASETS.build({**settings['dataset'], 'pipeline': []})
        check_head(config, dataset)
        found.append(_overview(loader, dataset))
    if not found:
        raise ValueError(
            'config: expected a train_dataloader, val_dataloader or '
            'test_dataloader, got none. Give the config of a run.'
        )
    check_apart(found)
    return found


def table(found: Sequence[SplitOverview]) -> str:
    """The data sets as text, a line each."""
    return aligned([HEADINGS, *(overview.row() for overview in found)])


def check_head(config: Mapping[str, Any], dataset: Any) -> None:
    """Raise ValueError if the head and the data differ in their classes."""
    facts = getattr(dataset, 'facts', None)
    head = ((config.get('model') or {}).get('head') or {}).get('num_classes')
    if facts is not None and head not in (None, facts.num_classes):
        raise ValueError(
            f'model.head.num_classes: expected {facts.num_classes} as '
            f'{facts.title} has, got {head}. Set it in the config.'
        )


def check_apart(found: Sequence[SplitOverview]) -> None:
    """Raise ValueError if an image is trained on and tested."""
    for one, other in combinations(found, 2):
        common = set(one.images) & set(other.images)
        if common and 'train' in (one.loader, other.loader):
            raise ValueError(
                f'{other.loader}_dataloader: expected images that '
                f'{one.loader}_dataloader does not have, got {len(common)} '
                f'in both, such as {min(common)}. Correct the splits.'
            )


def _overview(loader: str, dataset: BaseDataset) -> SplitOverview:
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return SplitOverview(
        loader=loader,
        kind=type(dataset).__name__,
        split=getattr(dataset, 'split', ''),
        images=[str(info['img_path']) for info in infos],
        labels=[int(i['gt_label']) for i in infos if 'gt_label' in i],
    )
