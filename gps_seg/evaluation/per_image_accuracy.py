# Copyright (c) gps_seg contributors. Apache-2.0.
"""The accuracy of a classifier on each image, for comparisons in pairs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.evaluator import BaseMetric
from mmpretrain.registry import METRICS
from torch import Tensor


class ImageAccuracy(NamedTuple):
    """Score of one image, in percent.

    Args:
        img_path: Path of the image; empty if unknown.
        accuracy: 100 if the class with the highest score is right, else 0.

    Example:
        >>> ImageAccuracy('a.jpg', 100.0).accuracy
        100.0
    """

    img_path: str
    accuracy: float


@METRICS.register_module()
class PerImageAccuracy(BaseMetric):
    """Top-1 accuracy of every image, and their mean, in percent.

    The mean, ``image_accuracy``, is the ``accuracy/top1`` of MMPretrain, whose
    metrics keep no scores of single images. After an evaluation ``per_image``
    holds one :class:`ImageAccuracy` per image, in the order of the data set.
    It is filled on the main process only. If classes share the highest score,
    the first of them is the prediction.

    Args:
        collect_device: Device that gathers the results of several processes,
            ``'cpu'`` or ``'gpu'``.
        prefix: Text before the key, separated by a slash; None for none.

    Raises:
        ValueError: If an image has no prediction, or not one label; if no
            image was evaluated.

    Example::

        val_evaluator = [dict(type='Accuracy'), dict(type='PerImageAccuracy')]
    """

    def __init__(
        self, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.per_image: list[ImageAccuracy] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score each image of a batch.

        Args:
            data_batch: Batch of the loader, unused.
            data_samples: Samples with ``pred_score``, shape (num_classes,),
                or ``pred_label``, shape (1,), and ``gt_label``, shape (1,).
        """
        for sample in data_samples:
            img_path = str(sample.get('img_path', ''))
            try:
                is_right = _predicted(sample) == _label(sample, 'gt_label')
            except ValueError as error:
                where = img_path or 'image without a path'
                raise ValueError(f'{where}: {error}') from error
            self.results.append((img_path, 100.0 if is_right else 0.0))

    def compute_metrics(
        self, results: list[tuple[str, float]]
    ) -> dict[str, float]:
        """Mean accuracy of the images.

        Args:
            results: Path and accuracy of each image.

        Returns:
            ``image_accuracy`` in percent.
        """
        if not results:
            raise ValueError(
                'evaluation: expected one or more images, got none. Check the '
                'data set.'
            )
        self.per_image = [ImageAccuracy(*result) for result in results]
        total = sum(image.accuracy for image in self.per_image)
        return {'image_accuracy': total / len(self.per_image)}


def _predicted(sample: dict) -> int:
    """Index of the predicted class."""
    scores: Tensor | None = sample.get('pred_score')
    if scores is None:
        return _label(sample, 'pred_label')
    return int(scores.argmax())


def _label(sample: dict, key: str) -> int:
    labels: Tensor | None = sample.get(key)
    if labels is None or labels.numel() != 1:
        got = 'none' if labels is None else labels.tolist()
        raise ValueError(
            f'{key}: expected the label of one class, got {got}. This metric '
            'is for classifiers that give every image one class.'
        )
    return int(labels)
