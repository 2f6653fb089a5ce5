# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the data sets of a config hold, before a run of hours is started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
            another number of classes, or some of the training images are
            also tested.
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
    """The data sets as text, a line each, and what to know of them."""
    rows = aligned([HEADINGS, *(overview.row() for overview in found)])
    return '\n'.join([rows, *_notes(found)])


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
    """Raise ValueError if some of the training images are also tested.

    A test on exactly the training images is no leak of a split: whoever
    writes it asks what a model learns by heart.
    """
    for train, other in _with_training(found):
        common = set(train.images) & set(other.images)
        if common and set(train.images) != set(other.images):
            raise ValueError(
                f'{other.loader}_dataloader: expected images that '
                f'{train.loader}_dataloader does not have, or exactly its '
                f'images, got {len(common)} of {len(set(other.images))} in '
                f'both, such as {min(common)}. Correct the splits.'
            )


def _notes(found: Sequence[SplitOverview]) -> Iterator[str]:
    for train, other in _with_training(found):
        if set(train.images) == set(other.images):
            yield (
                f'Note: {other.loader}_dataloader has exactly the images of '
                f'{train.loader}_dataloader. Its scores say what was learnt '
                'by heart, and nothing about new images.'
            )


def _with_training(
    found: Sequence[SplitOverview],
) -> Iterator[tuple[SplitOverview, SplitOverview]]:
    """Each pair of the training set and another."""
    for one, other in combinations(found, 2):
        if one.loader == 'train':
            yield one, other


def _overview(loader: str, dataset: BaseDataset) -> SplitOverview:
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return SplitOverview(
        loader=loader,
        kind=type(dataset).__name__,
        split=getattr(dataset, 'split', ''),
        images=[str(info['img_path']) for info in infos],
        labels=[int(i['gt_label']) for i in infos if 'gt_label' in i],
    )
