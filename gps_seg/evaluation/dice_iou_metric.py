# Copyright (c) gps_seg contributors. Apache-2.0.
"""The evaluator: Dice and IoU in both conventions, under distinct names."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from gps_seg.evaluation.confusion import (
    class_areas,
    dice_scores,
    iou_scores,
    mean_of_present,
    stack_areas,
)
from gps_seg.evaluation.samples import (
    class_names,
    image_path,
    label_map,
    naming,
)
from gps_seg.text.table import aligned


class ImageScore(NamedTuple):
    """Scores of one image over the foreground classes, in percent.

    Args:
        img_path: Path of the image; empty if unknown.
        dice: Mean Dice coefficient.
        iou: Mean intersection over union.

    Example:
        >>> scores = [ImageScore('a.jpg', 90.0, 81.8),
        ...           ImageScore('b.jpg', 50.0, 33.3)]
        >>> min(scores, key=lambda score: score.dice).img_path
        'b.jpg'
    """

    img_path: str
    dice: float
    iou: float


@METRICS.register_module()
class DiceIoUMetric(BaseMetric):
    """mDice and mIoU, pooled over the data set and per image, in percent.

    Two conventions are in use, and they differ by many points:

    - ``mDice``, ``mIoU``: areas are summed over the data set, scored per
      class (``Dice.<class>``, ``IoU.<class>``), and averaged over all
      classes, background included. This is MMSegmentation's convention.
    - ``image_mDice``, ``image_mIoU``: every image is scored over the
      foreground classes, and the scores are averaged over the images. This
      is the convention of the polyp field.

    Empty masks: in an image, a foreground class that neither the prediction
    nor the ground truth contains does not count. An image without any
    foreground class in either scores 100; predicted foreground on an image
    without any scores 0. In pooled scores a class that never occurs is NaN
    and is left out of the mean. Ignored pixels are not counted.

    Scores are not rounded. After an evaluation ``per_image`` holds one
    :class:`ImageScore` per image, in the order of the data set. It is filled
    on the main process only.

    Args:
        foreground: Names of the classes that ``image_mDice`` and
            ``image_mIoU`` score; None takes all but the first class.
        ignore_index: Label of ground-truth pixels that do not count.
        collect_device: Device that gathers the results of several processes,
            ``'cpu'`` or ``'gpu'``.
        prefix: Text before every key, separated by a slash; None for none.

    Raises:
        TypeError: If ``foreground`` is a string.
        ValueError: If ``foreground`` is empty, names an unknown class or
            repeats one; if a label map has the wrong shape or labels; if no
            pixel was evaluated.
        RuntimeError: If the data set declares no classes.

    Example::

        val_evaluator = dict(type='DiceIoUMetric', foreground=['polyp'])
    """

    def __init__(
        self,
        foreground: Sequence[str] | None = None,
        ignore_index: int = 255,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if isinstance(foreground, str):
            raise TypeError(
                'foreground: expected a list of class names or None, got '
                f'{foreground!r}. Write [{foreground!r}].'
            )
        self.foreground = None if foreground is None else list(foreground)
        self.ignore_index = ignore_index
        self.per_image: list[ImageScore] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count the areas of each image of a batch.

        Args:
            data_batch: Batch of the loader, unused.
            data_samples: Samples with ``pred_sem_seg`` and ``gt_sem_seg``,
                label maps of shape (1, height, width).
        """
        self.foreground_labels()  # a wrong name fails in the first batch
        num_classes = len(class_names(self.dataset_meta))
        for sample in data_samples:
            img_path = image_path(sample)
            with naming(img_path):
                areas = class_areas(
                    label_map(sample, 'pred_sem_seg'),
                    label_map(sample, 'gt_sem_seg'),
                    num_classes,
                    self.ignore_index,
                )
            self.results.append((img_path, areas.cpu()))

    def compute_metrics(
        self, results: list[tuple[str, Tensor]]
    ) -> dict[str, float]:
        """Scores of the data set from the areas of its images.

        Args:
            results: Path and areas, shape (3, num_classes), of each image.

        Returns:
            ``mDice``, ``mIoU``, ``image_mDice``, ``image_mIoU``, then
            ``Dice.<class>`` and ``IoU.<class>`` for every class; percent.
        """
        areas = stack_areas([image_areas for _, image_areas in results])
        classes = class_names(self.dataset_meta)
        dice = 100 * dice_scores(areas.sum(dim=0))
        iou = 100 * iou_scores(areas.sum(dim=0))
        self.per_image = self._score_images(results, areas)
        _log_table(classes, dice, iou)
        metrics = {
            'mDice': float(dice.nanmean()),
            'mIoU': float(iou.nanmean()),
            'image_mDice': _mean([score.dice for score in self.per_image]),
            'image_mIoU': _mean([score.iou for score in self.per_image]),
        }
        for index, name in enumerate(classes):
            metrics[f'Dice.{name}'] = float(dice[index])
            metrics[f'IoU.{name}'] = float(iou[index])
        return metrics

    def _score_images(
        self,
        results: list[tuple[str, Tensor]],
        areas: Tensor,  # shape: (num_images, 3, num_classes)
    ) -> list[ImageScore]:
        foreground = areas[:, :, self.foreground_labels()]
        dice = 100 * mean_of_present(dice_scores(foreground))
        iou = 100 * mean_of_present(iou_scores(foreground))
        return [
            ImageScore(img_path, float(image_dice), float(image_iou))
            for (img_path, _), image_dice, image_iou in zip(
                results, dice, iou, strict=True
            )
        ]

    def foreground_labels(self) -> list[int]:
        """Labels of the classes that are scored per image.

        Raises:
            ValueError: If ``foreground`` is empty, names a class that the
                data set does not have, or repeats one.
            RuntimeError: If the data set declares no classes.
        """
        classes = list(class_names(self.dataset_meta))
        if self.foreground is None:
            chosen = classes[1:]
        else:
            chosen = self.foreground
        unknown = sorted(set(chosen) - set(classes))
        if not chosen or unknown or len(set(chosen)) != len(chosen):
            raise ValueError(
                'foreground: expected one or more different classes of '
                f'{classes}, got {chosen}. Name the classes to score per '
                'image.'
            )
        return [classes.index(name) for name in chosen]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _log_table(classes: Sequence[str], dice: Tensor, iou: Tensor) -> None:
    rows = [
        (name, f'{class_dice:.2f}', f'{class_iou:.2f}')
        for name, class_dice, class_iou in zip(classes, dice, iou, strict=True)
    ]
    table = aligned([('class', 'Dice', 'IoU'), *rows])
    print_log(f'Scores per class, in percent:\n{table}', logger='current')
