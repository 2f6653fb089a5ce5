# Copyright (c) gps_seg contributors. Apache-2.0.
"""The evaluator of the polyp field, beside ``DiceIoUMetric``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS
from torch import Tensor

from gps_seg.evaluation.confusion import (
    class_areas,
    stack_areas,
)
from gps_seg.evaluation.polyp.averages import (
    at_one_half,
    of_structure,
    over_thresholds,
)
from gps_seg.evaluation.polyp.library import py_sod_metrics
from gps_seg.evaluation.polyp.probability import foreground_probability
from gps_seg.evaluation.polyp.structure import Structure, structure_of
from gps_seg.evaluation.polyp.thresholds import (
    LEVELS,
    areas_by_threshold,
    to_levels,
)
from gps_seg.evaluation.samples import (
    class_names,
    image_path,
    label_map,
    naming,
)

#: Scores of :class:`PolypMetric`, without its prefix.
POLYP_SCORES = (
    'image_mDice',
    'image_mIoU',
    'pooled_Dice',
    'pooled_IoU',
    'threshold_max_mDice',
    'threshold_mean_mDice',
    'threshold_max_mIoU',
    'threshold_mean_mIoU',
    'weighted_F',
    'S_measure',
    'threshold_max_E',
    'threshold_mean_E',
    'adaptive_E',
    'MAE',
)
_FOREGROUND = 1  # label of the only class that is scored


@dataclass(frozen=True)  # MMEngine would make a plain tuple of a named one
class _Measured:
    """Measures of one image."""

    areas: Tensor  # at probability 0.5; shape: (3, 2)
    areas_by_threshold: Tensor  # shape: (3, LEVELS)
    structure: Structure


@METRICS.register_module()
class PolypMetric(BaseMetric):
    """The measures by which papers on polyps compare, in percent.

    Scores one foreground class by its probability; needs PySODMetrics. Use it
    beside :class:`~gps_seg.evaluation.DiceIoUMetric`. docs/metrics.md has the
    formula of each score. Their names come after ``polyp/``:

    - ``image_mDice``, ``image_mIoU``: each image at probability above 0.5,
      averaged over the images;
    - ``pooled_Dice``, ``pooled_IoU``: the same pixels, summed over the images;
    - ``threshold_max_mDice``, ``threshold_mean_mDice``, the same of ``mIoU``
      and ``E``: averaged over the images at each of 256 thresholds, then the
      greatest or the mean of these;
    - ``weighted_F``, ``S_measure``, ``adaptive_E``, ``MAE``: averaged over
      the images. Of ``MAE``, less is better; 3.0 percent is the 0.030 of
      papers.

    All but the first four read the probability rounded to 256 levels, as in
    a PNG file. No map is stretched to the range 0 to 1.

    Empty masks: an image without foreground has Dice, IoU and weighted F of
    100 where nothing is predicted and 0 where something is; S is 100 minus
    the mean of the map, E the share of background. Ignored pixels do not
    count; S, E and weighted F take them as background, rightly predicted.

    Args:
        ignore_index: Label of ground-truth pixels that do not count.
        collect_device: Device that gathers the results of several processes,
            ``'cpu'`` or ``'gpu'``.
        prefix: Text before every key, separated by a slash; None for
            ``polyp``.

    Raises:
        ImportError: If PySODMetrics is not installed.
        ValueError: If the data set has another number of classes than
            background and one; if the output of a segmentor or a mask is
            wrong; if no pixel was evaluated.
        RuntimeError: If the data set declares no classes.

    Example::

        val_evaluator = [dict(type='DiceIoUMetric'), dict(type='PolypMetric')]
    """

    default_prefix = 'polyp'

    def __init__(
        self,
        ignore_index: int = 255,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ignore_index = ignore_index
        self._library = py_sod_metrics()

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure each image of a batch.

        Args:
            data_batch: Batch of the loader, unused.
            data_samples: Samples with ``seg_logits``, ``pred_sem_seg`` and
                ``gt_sem_seg``.
        """
        _check_classes(class_names(self.dataset_meta))
        for sample in data_samples:
            with naming(image_path(sample)):
                self.results.append(self._measure(sample))

    def compute_metrics(self, results: list[_Measured]) -> dict[str, float]:
        """Scores of the data set from what was measured on its images.

        Args:
            results: Measures of each image.

        Returns:
            One number for each of :data:`POLYP_SCORES`; percent.
        """
        areas = stack_areas([image.areas for image in results])
        curves = torch.stack([image.areas_by_threshold for image in results])
        scores = {
            **at_one_half(areas[:, :, _FOREGROUND]),
            **over_thresholds(curves),
            **of_structure([image.structure for image in results]),
        }
        return {name: 100 * float(scores[name]) for name in POLYP_SCORES}

    def _measure(self, sample: Mapping[str, Any]) -> _Measured:
        probability = foreground_probability(sample)
        labels = label_map(sample, 'gt_sem_seg').cpu()
        areas = class_areas(probability > 0.5, labels, 2, self.ignore_index)
        levels = to_levels(probability)
        truth = labels == _FOREGROUND
        counted = labels != self.ignore_index
        return _Measured(
            areas,
            areas_by_threshold(levels, truth, counted),
            structure_of(
                self._library,
                levels.numpy() / (LEVELS - 1),
                truth.numpy(),
                counted.numpy(),
            ),
        )


def _check_classes(classes: Sequence[str]) -> None:
    if len(classes) != 2:
        raise ValueError(
            'classes: expected background and one foreground class, got '
            f'{list(classes)}. Use DiceIoUMetric for more classes.'
        )
