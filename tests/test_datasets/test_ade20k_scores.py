# Copyright (c) gps_seg contributors. Apache-2.0.
"""mIoU and mDice of 150 classes, against a count in NumPy from the files.

The files hold 0..150, the data set gives 0..149 and 255: an error by one, or a
score that counts what nobody labelled, shows here. Real annotations, with
predictions that are wrong in places.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, METRICS
from PIL import Image

import gps_seg.evaluation  # noqa: F401  registers the metric
from gps_seg.datasets import convert_ade20k

NUM_IMAGES = 8


@pytest.fixture(scope='module')
def root(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = shared_dir / 'data/ade20k-mini/ade20k-mini.zip'
    if not archive.exists():
        pytest.skip(f'optional test data is not there: {archive}')
    target = tmp_path_factory.mktemp('ade') / 'mini'
    convert_ade20k(archive, target, partial=True)
    return target


@pytest.fixture(scope='module')
def samples(root: Path) -> list:
    """Annotated samples as a test gives them, with spoiled predictions."""
    init_default_scope('mmseg')
    dataset = DATASETS.build(
        {
            'type': 'CheckedADE20KDataset',
            'data_root': str(root),
            'data_prefix': {
                'img_path': 'images/validation',
                'seg_map_path': 'annotations/validation',
            },
            'pipeline': [
                {'type': 'LoadImageFromFile'},
                {'type': 'LoadAnnotations'},
                {'type': 'CheckLabels', 'num_classes': 150},
                {'type': 'PackSegInputs'},
            ],
        }
    )
    rng = np.random.default_rng(0)
    made = []
    for index in range(NUM_IMAGES):
        sample = dataset[index]['data_samples']
        truth = sample.gt_sem_seg.data
        prediction = truth.clone().remainder(150)  # a class where ignored
        rows = rng.integers(0, truth.shape[1], 60)
        prediction[:, rows] = int(rng.integers(150))
        sample.pred_sem_seg = type(sample.gt_sem_seg)(data=prediction)
        made.append(sample)
    return [made, dataset.metainfo]


def scores_from_files(root: Path, samples: list) -> tuple[float, float]:
    """mIoU and mDice in percent, over the classes that occur."""
    pixels = np.zeros((151, 151), np.int64)  # by stored and predicted label
    for sample in samples:
        name = f'annotations/validation/{Path(sample.img_path).stem}.png'
        stored = np.asarray(Image.open(root / name)).astype(int)
        guess = sample.pred_sem_seg.data[0].numpy().astype(int) + 1
        np.add.at(pixels, (stored, guess), 1)
    pixels = pixels[1:, 1:]  # nobody labelled 0, and nothing predicts it
    both, predicted, true = np.diag(pixels), pixels.sum(0), pixels.sum(1)
    occurs = predicted + true > 0
    both, predicted, true = (n[occurs] for n in (both, predicted, true))
    iou = both / (predicted + true - both)
    dice = 2 * both / (predicted + true)
    return 100 * iou.mean(), 100 * dice.mean()


@pytest.mark.parametrize(
    ('metric', 'tolerance'),
    [
        ({'type': 'IoUMetric', 'iou_metrics': ['mIoU', 'mDice']}, 0.0051),
        ({'type': 'DiceIoUMetric'}, 1e-6),
    ],
)
def test_both_metrics_agree_with_a_count_from_the_files(
    root: Path, samples: list, metric: dict, tolerance: float
) -> None:
    init_default_scope('mmseg')
    made, dataset_meta = samples
    evaluator = METRICS.build(metric)
    evaluator.dataset_meta = dataset_meta
    evaluator.process({}, [sample.to_dict() for sample in made])
    found = evaluator.evaluate(NUM_IMAGES)
    iou, dice = scores_from_files(root, made)
    assert 20 < iou < 95
    assert found['mIoU'] == pytest.approx(iou, abs=tolerance)
    assert found['mDice'] == pytest.approx(dice, abs=tolerance)


def test_the_predictions_are_wrong_where_it_matters(samples: list) -> None:
    """The test above would pass for anything if nothing was ignored."""
    made, _ = samples
    truth = torch.cat([s.gt_sem_seg.data.flatten() for s in made])
    guess = torch.cat([s.pred_sem_seg.data.flatten() for s in made])
    assert (truth == 255).any()
    assert (guess[truth != 255] != truth[truth != 255]).float().mean() > 0.05
    assert (truth != 255).any() and 0 in truth
