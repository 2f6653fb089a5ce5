# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build the data sets of a config, and compare their splits."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope

from gps_seg.datasets.overview.files import (
    MOST_LABELS,
    FileFacts,
    Sample,
    check_files,
)
from gps_seg.datasets.progress import Progress

LOADERS = ('train', 'val', 'test')


class SplitOverview(NamedTuple):
    """One data set of a config.

    Args:
        loader: ``'train'``, ``'val'``, ``'test'`` or ``'unseen.<name>'``.
        kind: Type of the data set.
        split: Name of the split; empty if unknown.
        classes: Names of the classes of pixels; empty for a set whose images
            have one label each.
        samples: Samples of the data set, without their pixels.
        rule: Rule by which ``LoadMask`` reads its masks; None if they hold
            labels.
    """

    loader: str
    kind: str
    split: str
    classes: Sequence[str]
    samples: Sequence[Sample]
    rule: Mapping[str, Any] | None = None

    @property
    def images(self) -> list[str]:
        """Paths of the images."""
        return [str(sample['img_path']) for sample in self.samples]


def look_at(config: Mapping[str, Any]) -> list[SplitOverview]:
    """Build the data sets of a config; each checks itself.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a data set is empty or not what it should be, the head
            has another number of classes, or some training images are also
            in the validation or test set.
    """
    init_default_scope(config.get('default_scope') or 'mmseg')
    found = [
        _overview(loader, config, settings['dataset'])
        for loader in LOADERS
        if (settings := config.get(f'{loader}_dataloader')) is not None
    ]
    if not found:
        raise ValueError(
            'config: expected a train_dataloader, val_dataloader or '
            'test_dataloader, got none. Give the config of a run.'
        )
    check_apart(found)
    return found


def look_at_unseen(config: Mapping[str, Any]) -> list[SplitOverview]:
    """Build the data sets that a config names in ``unseen``, if any.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a data set is empty or not what it should be.
    """
    init_default_scope(config.get('default_scope') or 'mmseg')
    return [
        _overview(f'unseen.{name}', config, settings)
        for name, settings in (config.get('unseen') or {}).items()
    ]


def open_all(
    found: Sequence[SplitOverview],
    ignored: int,
    progress: Progress[Sample] = iter,
) -> list[FileFacts]:
    """Open the files of the data sets; those of equal sets only once.

    Args:
        found: Data sets of a config.
        ignored: Label of pixels that do not count.
        progress: Wrapper of the samples of a set that shows a progress bar.

    Returns:
        Facts on the files of each data set.
    """
    known: dict[str, FileFacts] = {}
    facts = []
    for overview in found:
        key = repr((overview.classes, overview.samples, overview.rule))
        if key not in known:
            known[key] = check_files(
                overview.samples,
                overview.classes,
                ignored,
                progress,
                overview.rule,
            )
        facts.append(known[key])
    return facts


def check_head(config: Mapping[str, Any], dataset: Any) -> None:
    """Raise ValueError if the head and the data differ in their classes."""
    facts = getattr(dataset, 'facts', None)
    head = ((config.get('model') or {}).get('head') or {}).get('num_classes')
    if facts is not None and head not in (None, facts.num_classes):
        raise ValueError(
            f'model.head.num_classes: expected {facts.num_classes} (the '
            f'classes of {facts.title}), got {head}. Set it in the config.'
        )


def check_apart(found: Sequence[SplitOverview]) -> None:
    """Raise ValueError if training and evaluation share some images.

    An evaluation on exactly the training images is not an error: it measures
    how well the model fits them.
    """
    for train, other in with_training(found):
        common = set(train.images) & set(other.images)
        if common and set(train.images) != set(other.images):
            raise ValueError(
                f'{other.loader}_dataloader: expected images that '
                f'{train.loader}_dataloader does not have, or exactly its '
                f'images, got {len(common)} of {len(set(other.images))} in '
                f'both, such as {min(common)}. Correct the splits.'
            )


def with_training(
    found: Sequence[SplitOverview],
) -> Iterator[tuple[SplitOverview, SplitOverview]]:
    """Each pair of the training set and another."""
    for one, other in combinations(found, 2):
        if one.loader == 'train':
            yield one, other


def _overview(
    loader: str, config: Mapping[str, Any], settings: Mapping[str, Any]
) -> SplitOverview:
    kind = settings['type']  # a name, or the class itself
    samples: list[Mapping[str, Any]] = []
    rule = None
    for leaf in _leaves(settings):
        # NumPy fails to serialise an empty set.
        plain = {'pipeline': [], 'serialize_data': False}
        dataset = DATASETS.build({**leaf, **plain})
        if not len(dataset):
            raise ValueError(
                f'{loader}_dataloader: expected images, got none '
                f'({type(dataset).__name__}, data_root='
                f'{dataset.data_root!r}, {dataset.data_prefix}). Check the '
                'folder and img_suffix.'
            )
        check_head(config, dataset)
        rule = _rule(leaf)
        samples += [dataset.get_data_info(i) for i in range(len(dataset))]
    return SplitOverview(
        loader=loader,
        kind=getattr(kind, '__name__', str(kind)),
        split=getattr(dataset, 'split', ''),
        classes=_classes(config, dataset, samples),
        samples=samples,
        rule=rule,
    )


def _rule(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The rule of the ``LoadMask`` in the pipeline of a data set, if any."""
    for step in settings.get('pipeline') or ():
        if isinstance(step, Mapping) and step.get('type') == 'LoadMask':
            return step['rule']
    return None


def _leaves(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The data sets inside wrappers that repeat, join or mix others."""
    inner = settings.get('dataset')
    parts = settings.get('datasets') or ([] if inner is None else [inner])
    if not parts:
        yield settings
    for part in parts:
        yield from _leaves(part)


def _classes(
    config: Mapping[str, Any],
    dataset: BaseDataset,
    samples: Sequence[Mapping[str, Any]],
) -> tuple[str, ...]:
    """Names of the classes of pixels; numbers where they have no names."""
    if 'seg_map_path' not in samples[0]:
        return ()
    head = (config.get('model') or {}).get('decode_head') or {}
    last = head[-1] if isinstance(head, (list, tuple)) else head
    numbers = map(str, range(last.get('num_classes', MOST_LABELS)))
    return tuple(dataset.metainfo.get('classes') or numbers)
