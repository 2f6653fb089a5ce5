# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score a model on a data set, image by image."""

from __future__ import annotations

import copy
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from torch import nn
from torch.utils.data import DataLoader

from gps_seg.comparison.label_maps import label_file
from gps_seg.comparison.records import SetScores
from gps_seg.datasets.ignored_label import with_unknown
from gps_seg.engine.label_array import label_array
from gps_seg.evaluation import DiceIoUMetric, PerImageAccuracy
from gps_seg.files import new_folder
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.scoring.own_metric import own_metric

#: Loaders of images to score, the preferred one first: those of a validation,
#: or those of a test.
SCORED = ('val_dataloader', 'test_dataloader')
TESTED = ('test_dataloader',)
#: Scores of a segmentor over the whole data set.
_POOLED = ('mDice', 'mIoU')


class ImagesToScore:
    """A data set on which models are scored, as a config does in validation.

    Args:
        config: Config with one of the loaders, and its loop.
        dataset: Data set in place of the loader's own; None for its own.
        loaders: Names of loaders, the preferred one first.
    """

    def __init__(
        self,
        config: Config,
        dataset: Mapping[str, Any] | None = None,
        loaders: Sequence[str] = SCORED,
    ) -> None:
        init_default_scope(config.get('default_scope') or 'mmseg')
        loader = copy.deepcopy(first_of(config, loaders))
        if dataset is not None:
            loader.dataset = dict(dataset)
        # Workers that stay would add up over many data sets.
        loader.persistent_workers = False
        with quiet():
            self.loader: DataLoader = Runner.build_dataloader(loader)
        loop = first_of(config, _beside(loaders, 'cfg'))
        self.amp = bool(loop.get('fp16', False))
        self.classifies = is_classifier(config)
        self._own_metric = own_metric(config, _beside(loaders, 'evaluator'))

    @cached_property
    def paths(self) -> list[str]:
        """Paths of the images, in the order of the data set."""
        dataset = self.loader.dataset
        infos = map(dataset.get_data_info, range(len(dataset)))
        return [info['img_path'] for info in infos]

    @cached_property
    def names(self) -> list[str]:
        """Names of the images, in the same order."""
        return image_names(self.paths)

    @property
    def foreground(self) -> list[int]:
        """Labels of the classes that the metric scores per image."""
        metric = copy.copy(self._own_metric)
        metric.dataset_meta = self.loader.dataset.metainfo
        return metric.foreground_labels()

    def path(self, name: str) -> str:
        """Path of an image by its name."""
        return self.paths[self.names.index(name)]

    def truth(self, name: str) -> np.ndarray:  # shape: (height, width)
        """True labels of an image, in the size of its file.

        Pixels that the metric does not count are ``IGNORED``.

        Args:
            name: One of :attr:`names`.
        """
        sample = self.loader.dataset[self.names.index(name)]['data_samples']
        labels = sample.gt_sem_seg.data.squeeze(0).numpy()
        return with_unknown(labels, self._own_metric.ignore_index)

    def score(
        self,
        model: nn.Module,
        labels: Path | None = None,
        after_batch: Callable[[], None] = lambda: None,
    ) -> SetScores:
        """Score every image.

        Args:
            model: Model; put into evaluation mode.
            labels: New folder for the predicted label maps, as PNG files by
                the names of the images; None to keep none.
            after_batch: Function that is called after each batch.
        """
        metric = (
            PerImageAccuracy()
            if self.classifies
            else copy.deepcopy(self._own_metric)
        )
        evaluator = Evaluator(metric)
        evaluator.dataset_meta = self.loader.dataset.metainfo
        maps: list[np.ndarray] = []
        with quiet(), torch.no_grad(), autocast(enabled=self.amp):
            model.eval()
            for batch in self.loader:
                samples = model.val_step(batch)
                evaluator.process(samples, batch)
                if labels is not None:
                    maps += [label_array(s.pred_sem_seg) for s in samples]
                after_batch()
            pooled = evaluator.evaluate(len(self.loader.dataset))
        names = image_names([score.img_path for score in metric.per_image])
        if labels is not None:
            _write_maps(labels, names, maps)
        return SetScores(
            images=names,
            per_image=_per_image(metric),
            pooled={
                key: float(pooled[key]) for key in _POOLED if key in pooled
            },
        )


def _beside(loaders: Sequence[str], part: str) -> list[str]:
    """Names of the loops or evaluators that belong to loaders."""
    return [name.replace('_dataloader', f'_{part}') for name in loaders]


def is_classifier(config: Config) -> bool:
    """Whether a config trains a classifier of MMPretrain."""
    return bool(config.get('default_scope') == 'mmpretrain')


def _per_image(
    metric: DiceIoUMetric | PerImageAccuracy,
) -> dict[str, list[float]]:
    scores: Any = metric.per_image
    if isinstance(metric, PerImageAccuracy):
        return {'accuracy': [score.accuracy for score in scores]}
    return {
        'Dice': [score.dice for score in scores],
        'IoU': [score.iou for score in scores],
    }


def image_names(paths: Sequence[str]) -> list[str]:
    """Names of images without folder and ending, if that keeps them apart.

    Example:
        >>> image_names(['images/a.jpg', 'images/b.jpg'])
        ['a', 'b']
        >>> image_names(['1/a.jpg', '2/a.jpg'])
        ['1/a.jpg', '2/a.jpg']
    """
    stems = [Path(path).stem for path in paths]
    is_unique = max(Counter(stems).values(), default=0) <= 1
    return stems if is_unique else list(paths)


def first_of(config: Config, keys: Sequence[str]) -> Any:
    """The first of some parts of a config that it has.

    Raises:
        ValueError: If it has none of them.
    """
    for key in keys:
        if config.get(key) is not None:
            return config[key]
    raise ValueError(
        f'config: expected {" or ".join(keys)}, got none ({config.filename}). '
        'Models are scored with it.'
    )


def _write_maps(
    folder: Path, names: Sequence[str], maps: Sequence[np.ndarray]
) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped
    with new_folder(folder) as fresh:
        for name, labels in zip(names, maps, strict=True):
            cv2.imwrite(str(label_file(fresh, name)), labels)
