# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score a model, with or without a delta, on held-out images of data sets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from gps_seg.datasets.ignored_label import ignored_label, with_unknown
from gps_seg.delta import Delta, applied
from gps_seg.engine.label_array import label_array
from gps_seg.engine.reporting.examples import pick_examples
from gps_seg.evaluation import DiceIoUMetric, ImageScore
from gps_seg.runs.console.screen import quiet
from gps_seg.visualization import GridRow

#: Scores of all images, by state of the model and then by data set.
ScoreMatrix = dict[str, dict[str, list[ImageScore]]]


class HeldOut:
    """The validation images of a config, scored as in its training.

    Args:
        config: Config with a ``val_dataloader`` of images with masks.
    """

    def __init__(self, config: Config) -> None:
        # The data sets of MMSegmentation are found only in its scope.
        init_default_scope(config.get('default_scope') or 'mmseg')
        with quiet():
            self.loader = Runner.build_dataloader(config.val_dataloader)

    def scores(self, model: nn.Module) -> list[ImageScore]:
        """Compute Dice and IoU of each image, in the order of the data set.

        Args:
            model: Segmentor; put into evaluation mode.
        """
        dataset = self.loader.dataset
        metric = DiceIoUMetric()
        evaluator = Evaluator(metric)
        evaluator.dataset_meta = dataset.metainfo
        with quiet(), torch.no_grad():
            model.eval()
            for batch in self.loader:
                evaluator.process(model.val_step(batch), batch)
            evaluator.evaluate(len(dataset))
        return metric.per_image

    def predict(
        self, model: nn.Module, img_path: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predict one image, in the size of its file.

        Args:
            model: Segmentor; put into evaluation mode.
            img_path: Path of an image of the data set.

        Returns:
            The image (RGB, uint8, shape (height, width, 3)), its true labels
            and its predicted labels (shape (height, width)).

        Raises:
            KeyError: If the data set has no such image.
        """
        dataset = self.loader.dataset
        infos = map(dataset.get_data_info, range(len(dataset)))
        index = {info['img_path']: i for i, info in enumerate(infos)}
        batch = self.loader.collate_fn([dataset[index[img_path]]])
        with torch.no_grad():
            model.eval()
            (sample,) = model.val_step(batch)
        image = mmcv.imread(img_path, channel_order='rgb')
        truth = with_unknown(
            label_array(sample.gt_sem_seg), ignored_label(model)
        )
        return image, truth, label_array(sample.pred_sem_seg)


def score_matrix(
    model: nn.Module,
    deltas: Mapping[str, Delta | None],
    data: Mapping[str, HeldOut],
) -> ScoreMatrix:
    """Score a base with each of several deltas on each of several data sets.

    Args:
        model: Base of the deltas; restored bit for bit.
        deltas: Deltas by name; None for the base alone.
        data: Data sets by name.

    Raises:
        RuntimeError: If a delta has already been applied to the model.
        ValueError: If a delta does not fit the model.
    """
    matrix = {}
    for name, delta in deltas.items():
        with _with_delta(model, delta):
            matrix[name] = {
                place: held_out.scores(model)
                for place, held_out in data.items()
            }
    return matrix


def mean_dice(scores: list[ImageScore]) -> float:
    """``image_mDice``: mean Dice of the images, in percent."""
    return sum(score.dice for score in scores) / len(scores)


def median_rows(
    model: nn.Module,
    deltas: Mapping[str, Delta | None],
    data: Mapping[str, HeldOut],
    matrix: ScoreMatrix,
    chosen_by: Mapping[str, str],
) -> list[GridRow]:
    """One image of each data set, predicted by the base with each delta.

    Args:
        model: Base model; changed only while a delta is applied.
        deltas: Deltas by name; None for the base alone.
        data: Data sets by name.
        matrix: Scores of these deltas on these data sets.
        chosen_by: Name of a delta for each data set; the image is the one
            with its median score.
    """
    rows = []
    for place, held_out in data.items():
        path = _median_image(matrix[chosen_by[place]][place])
        predictions, captions = {}, {}
        for name, delta in deltas.items():
            with _with_delta(model, delta):
                image, truth, labels = held_out.predict(model, path)
            dice = {s.img_path: s.dice for s in matrix[name][place]}[path]
            predictions[name] = labels
            captions[name] = f'Dice {dice:.1f}'
        rows.append(GridRow(image, truth, predictions, place, captions))
    return rows


def _median_image(scores: list[ImageScore]) -> str:
    examples = pick_examples(scores, num_each=1)
    return examples[len(examples) // 2].img_path


@contextmanager
def _with_delta(model: nn.Module, delta: Delta | None) -> Iterator[None]:
    if delta is None:
        yield
        return
    with applied(model, delta):
        yield
