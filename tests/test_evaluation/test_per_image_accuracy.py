"""The accuracy of each image, against NumPy and MMPretrain's own metric."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from gps_seg.evaluation import PerImageAccuracy
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.evaluation import Accuracy  # noqa: E402
from mmpretrain.registry import METRICS  # noqa: E402
from mmpretrain.structures import DataSample  # noqa: E402

CLASSES = 4


def sample(label, scores=None, predicted=None, img_path='a.jpg'):
    one = DataSample(metainfo={'img_path': img_path}).set_gt_label(label)
    if scores is not None:
        one.set_pred_score(torch.as_tensor(scores))
    if predicted is not None:
        one.set_pred_label(predicted)
    return one


def evaluate(samples, *others):
    metric = PerImageAccuracy()
    evaluator = Evaluator([metric, *others])
    for start in range(0, len(samples), 3):
        evaluator.process(samples[start : start + 3])
    return evaluator.evaluate(len(samples)), metric.per_image


@pytest.fixture
def scored():
    """Scores, shape (20, CLASSES), and labels of half right samples."""
    rng = np.random.default_rng(0)
    scores = rng.random((20, CLASSES))
    labels = rng.integers(CLASSES, size=20)
    labels[::2] = scores[::2].argmax(axis=1)
    return scores, labels


def test_every_image_has_its_path_and_its_accuracy(scored):
    scores, labels = scored
    samples = [
        sample(int(label), row, img_path=f'{number}.jpg')
        for number, (row, label) in enumerate(zip(*scored, strict=True))
    ]
    _, per_image = evaluate(samples)
    expected = 100.0 * (scores.argmax(axis=1) == labels)
    assert 0 < expected.mean() < 100
    assert [image.accuracy for image in per_image] == expected.tolist()
    assert [image.img_path for image in per_image] == [
        f'{number}.jpg' for number in range(20)
    ]


def test_the_mean_is_the_accuracy_of_mmpretrain(scored):
    samples = [sample(int(n), row) for row, n in zip(*scored, strict=True)]
    metrics, _ = evaluate(samples, Accuracy(topk=(1, 2)))
    assert metrics['image_accuracy'] == pytest.approx(
        metrics['accuracy/top1'], rel=1e-6
    )
    assert metrics['image_accuracy'] < metrics['accuracy/top2']


def test_labels_do_without_scores():
    samples = [sample(1, predicted=1), sample(2, predicted=0)]
    metrics, _ = evaluate(samples)
    assert metrics == {'image_accuracy': 50.0}


def test_scores_decide_between_classes_and_ties_go_to_the_first():
    _, per_image = evaluate([sample(0, [0.4, 0.4, 0.2], predicted=1)])
    assert per_image[0].accuracy == 100


def test_a_later_evaluation_replaces_the_earlier_one():
    metric = PerImageAccuracy()
    evaluator = Evaluator(metric)
    for name in ('one.jpg', 'two.jpg'):
        evaluator.process([sample(0, predicted=0, img_path=name)])
        evaluator.evaluate(1)
    assert [image.img_path for image in metric.per_image] == ['two.jpg']


def test_several_labels_are_refused():
    with pytest.raises(ValueError, match=r'a\.jpg: gt_label: .* got \[0, 1\]'):
        evaluate([sample([0, 1], predicted=0)])


def test_a_missing_prediction_is_refused():
    with pytest.raises(ValueError, match='pred_label: .* got none'):
        evaluate([sample(0)])


def test_no_images_are_refused():
    with pytest.raises(ValueError, match='one or more images, got none'):
        PerImageAccuracy().compute_metrics([])


def test_configs_of_classifiers_find_it_by_name():
    metric = METRICS.build(dict(type='PerImageAccuracy'))
    assert isinstance(metric, PerImageAccuracy)
