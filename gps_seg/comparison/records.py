# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is kept of a finished run, as a small JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gps_seg.files import write_json
from gps_seg.text.dice_and_iou import require_possible_scores

#: Name of the file in the folder of a finished run.
RECORD_FILE = 'record.json'
#: Data set of every record: the validation images of the config.
VALIDATION = 'validation'


@dataclass(frozen=True, kw_only=True)
class SetScores:
    """Scores of a model on one data set, in percent.

    Args:
        images: Name of each image.
        per_image: Scores of each image by metric: ``Dice`` and ``IoU`` over
            the foreground classes of a segmentor, or ``accuracy`` (0 or 100)
            of a classifier. The first metric is the main one.
        pooled: Scores of the whole data set by metric, such as ``mDice`` from
            areas summed over the images.

    Example:
        >>> scores = SetScores(
        ...     images=['a', 'b'],
        ...     per_image={'Dice': [80.0, 90.0], 'IoU': [66.7, 81.8]},
        ...     pooled={'mDice': 88.0, 'mIoU': 79.0},
        ... )
        >>> scores.metric, scores.mean('Dice')
        ('Dice', 85.0)
    """

    images: list[str]
    per_image: Mapping[str, list[float]]
    pooled: Mapping[str, float]

    @property
    def metric(self) -> str:
        """Name of the main metric."""
        return next(iter(self.per_image))

    def mean(self, metric: str) -> float:
        """Mean of a metric over the images."""
        values = self.per_image[metric]
        return sum(values) / len(values)

    def require_possible(self, where: object) -> None:
        """Raise ValueError if Dice and IoU cannot be of the same images.

        Args:
            where: File or run of the scores, for the message.
        """
        means = {metric: self.mean(metric) for metric in self.per_image}
        require_possible_scores(means, f'means over the images, {where}')
        require_possible_scores(self.pooled, f'pooled scores, {where}')


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A finished run: what it was, what it cost, and how it scored.

    Args:
        variant: Name of the method or variant.
        seed: Seed of the run.
        rate: Multiplier of the learning rate; None if no rates were tuned.
        method: Type and settings of the tuning method.
        trained: Number of values that the optimizer stepped.
        total: Number of values of all parameters of the model.
        task_bytes: Size of the delta in bytes.
        seconds: Wall time of selection, training and validations; of a run
            that was stopped, since it was continued.
        curve: Iteration and mean of the main metric, for each validation.
        scores: Scores after the last step, by data set; the first is
            :data:`VALIDATION`.
        treatment: Digests of what all methods of a seed must share: the
            start of the head, the batches, the schedule.
        environment: Versions, machine and commit.
        digest: SHA-256 of the config of the run.

    Raises:
        ValueError: When read from a file that is not such a record.

    Example:
        >>> scores = SetScores(
        ...     images=['a'], per_image={'Dice': [80.0]}, pooled={}
        ... )
        >>> run = RunRecord(
        ...     variant='gps', seed=0, rate=None, method={}, trained=2,
        ...     total=8, task_bytes=8, seconds=1.0, curve=[],
        ...     scores={'validation': scores}, treatment={},
        ... )
        >>> run.validation.mean('Dice')
        80.0
    """

    variant: str
    seed: int
    rate: float | None
    method: Mapping[str, Any]
    trained: int
    total: int
    task_bytes: int
    seconds: float
    curve: list[list[float]]
    scores: Mapping[str, SetScores]
    treatment: Mapping[str, str]
    environment: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ''

    @property
    def validation(self) -> SetScores:
        """Scores on the validation images."""
        return self.scores[VALIDATION]

    def write(self, folder: Path) -> None:
        """Write the record into the folder of its run."""
        write_json(asdict(self), folder / RECORD_FILE)

    @classmethod
    def read(cls, folder: Path) -> RunRecord:
        """Read the record of a run.

        Args:
            folder: Folder of the run.

        Raises:
            FileNotFoundError: If the run is not finished.
            ValueError: If the file is not such a record, or its Dice and IoU
                cannot be of the same images.
        """
        path = folder / RECORD_FILE
        try:
            values = json.loads(path.read_text(encoding='utf-8'))
            values['scores'] = {
                name: SetScores(**scores)
                for name, scores in values['scores'].items()
            }
            for name, scores in values['scores'].items():
                scores.require_possible(name)
            return cls(**values)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f'record: expected a run of tools/compare.py, got {path} '
                f'({error}). Remove its folder to repeat the run.'
            ) from error
