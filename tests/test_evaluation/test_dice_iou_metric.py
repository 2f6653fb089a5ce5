"""The evaluator against the definition and against MMSegmentation's own."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

from gps_seg.evaluation import DiceIoUMetric, ImageScore

IGNORE = 255
CLASSES = ('background', 'polyp', 'tool')
BINARY = CLASSES[:2]


def sample(prediction, truth, img_path='a.jpg'):
    data_sample = SegDataSample(metainfo={'img_path': img_path})
    for name, labels in (('pred_sem_seg', prediction), ('gt_sem_seg', truth)):
        data = torch.as_tensor(labels)[None]
        setattr(data_sample, name, PixelData(data=data))
    return data_sample


def evaluate(samples, classes=BINARY, **options):
    metric = DiceIoUMetric(**options)
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = {'classes': classes}
    for one in samples:
        evaluator.process([one])
    return evaluator.evaluate(len(samples)), metric


def random_samples(seed, count=7, num_classes=3):
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        size = tuple(rng.integers(5, 20, 2))
        shares = rng.dirichlet(np.full(num_classes, 0.3), 2)
        if index == 2:
            shares[:, 1] = 0
        shares /= shares.sum(axis=1, keepdims=True)
        prediction, truth = (
            rng.choice(num_classes, size, p=share) for share in shares
        )
        truth[rng.random(size) < 0.1] = IGNORE
        samples.append(sample(prediction, truth, f'{index}.jpg'))
    return samples


def numpy_image_scores(samples, foreground):
    """Dice and IoU per image in plain NumPy, from Booleans alone."""
    scores = []
    for one in samples:
        prediction = one.pred_sem_seg.data[0].numpy()
        truth = one.gt_sem_seg.data[0].numpy()
        known = truth != IGNORE
        dice, iou = [], []
        for label in foreground:
            p, t = (prediction == label)[known], (truth == label)[known]
            if (p | t).any():
                dice.append(2 * (p & t).sum() / (p.sum() + t.sum()))
                iou.append((p & t).sum() / (p | t).sum())
        scores.append([100 * np.mean(s) if s else 100 for s in (dice, iou)])
    return np.array(scores)


@pytest.mark.parametrize('seed', range(4))
def test_per_image_scores_equal_the_definition(seed):
    samples = random_samples(seed)

    scores, metric = evaluate(samples, CLASSES)

    expected = numpy_image_scores(samples, foreground=[1, 2])
    actual = np.array([image[1:] for image in metric.per_image])
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    means = scores['image_mDice'], scores['image_mIoU']
    np.testing.assert_allclose(means, expected.mean(axis=0), rtol=1e-12)
    assert [image.img_path for image in metric.per_image] == [
        f'{index}.jpg' for index in range(len(samples))
    ]


@pytest.mark.parametrize('seed', range(4))
def test_pooled_scores_equal_mmsegs_to_its_rounding(seed):
    samples = random_samples(seed)
    reference = Evaluator(IoUMetric(iou_metrics=['mIoU', 'mDice']))
    reference.dataset_meta = {'classes': CLASSES}
    for one in samples:
        reference.process([one])
    expected = reference.evaluate(len(samples))

    scores, _ = evaluate(samples, CLASSES)

    for key in ('mDice', 'mIoU'):
        assert scores[key] == pytest.approx(expected[key], abs=0.00501)


def test_pooled_scores_of_each_class():
    samples = random_samples(0)
    prediction, truth = (
        np.concatenate([getattr(s, key).data[0].ravel() for s in samples])
        for key in ('pred_sem_seg', 'gt_sem_seg')
    )
    known = truth != IGNORE

    scores, _ = evaluate(samples, CLASSES)

    for label, name in enumerate(CLASSES):
        p, t = (prediction == label)[known], (truth == label)[known]
        iou = 100 * (p & t).sum() / (p | t).sum()
        dice = 200 * (p & t).sum() / (p.sum() + t.sum())
        assert scores[f'IoU.{name}'] == pytest.approx(iou, rel=1e-12)
        assert scores[f'Dice.{name}'] == pytest.approx(dice, rel=1e-12)
    assert scores['mIoU'] == pytest.approx(
        np.mean([scores[f'IoU.{name}'] for name in CLASSES])
    )


def test_keys_are_plain_floats_and_have_no_prefix():
    scores, _ = evaluate(random_samples(0), CLASSES)

    assert list(scores) == [
        'mDice',
        'mIoU',
        'image_mDice',
        'image_mIoU',
        'Dice.background',
        'IoU.background',
        'Dice.polyp',
        'IoU.polyp',
        'Dice.tool',
        'IoU.tool',
    ]
    assert {type(value) for value in scores.values()} == {float}


def test_dice_of_an_image_follows_from_its_iou():
    two_classes = random_samples(3, num_classes=2)

    _, metric = evaluate(two_classes, BINARY)

    for image in metric.per_image:
        iou = image.iou / 100
        assert image.dice / 100 == pytest.approx(2 * iou / (1 + iou))


@pytest.mark.parametrize(
    ('prediction', 'truth', 'expected'),
    [
        ([[0, 0]], [[0, 0]], 100),  # nothing there, nothing found
        ([[0, 1]], [[0, 0]], 0),  # nothing there, something found
        ([[0, 0]], [[0, 1]], 0),  # something there, nothing found
        ([[0, 1]], [[0, 1]], 100),
        ([[0, 1]], [[IGNORE, IGNORE]], 100),  # nothing known
        ([[0, 1]], [[0, IGNORE]], 100),  # found where nobody knows
    ],
)
def test_rule_for_empty_masks(prediction, truth, expected):
    full = sample([[0, 1, 1]], [[0, 1, 1]], 'full.jpg')

    _, metric = evaluate([sample(prediction, truth), full])

    assert metric.per_image == [
        ImageScore('a.jpg', expected, expected),
        ImageScore('full.jpg', 100, 100),
    ]


def test_class_absent_from_an_image_does_not_count_there():
    _, metric = evaluate([sample([[0, 1, 1]], [[0, 0, 1]])], CLASSES)

    assert metric.per_image[0].iou == 50  # not the mean with tool


def test_class_absent_everywhere_is_nan_and_does_not_count():
    scores, _ = evaluate([sample([[0, 1]], [[0, 1]])], CLASSES)

    assert np.isnan(scores['Dice.tool'])
    assert scores['mDice'] == scores['mIoU'] == 100


def test_foreground_chooses_the_classes_scored_per_image():
    one = sample([[0, 1, 1, 2]], [[0, 0, 1, 1]])

    polyp, _ = evaluate([one], CLASSES, foreground=['polyp'])
    both, _ = evaluate([one], CLASSES)

    assert polyp['image_mIoU'] == pytest.approx(100 / 3)
    assert both['image_mIoU'] == pytest.approx(100 / 6)  # tool scores 0


def test_binary_head_gives_float_labels():
    prediction = torch.tensor([[0.0, 1.0]])

    scores, _ = evaluate([sample(prediction, [[0, 1]])])

    assert scores['image_mDice'] == 100


def test_built_from_a_config():
    metric = METRICS.build({'type': 'DiceIoUMetric', 'prefix': 'val'})
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = {'classes': BINARY}
    evaluator.process([sample([[0, 1]], [[0, 1]])])

    assert 'val/image_mDice' in evaluator.evaluate(1)


def test_padded_samples_of_a_distributed_run_are_dropped():
    samples = [sample([[0, 1]], [[0, 1]]), sample([[1, 0]], [[0, 1]])]
    metric = DiceIoUMetric()
    metric.dataset_meta = {'classes': BINARY}
    metric.process(None, [one.to_dict() for one in samples])

    scores = metric.compute_metrics(metric.results[:1])

    assert scores['image_mDice'] == 100
    assert len(metric.per_image) == 1


def test_a_second_evaluation_replaces_the_first():
    metric = DiceIoUMetric()
    metric.dataset_meta = {'classes': BINARY}
    for prediction in ([[0, 1]], [[1, 0]]):
        metric.process(None, [sample(prediction, [[0, 1]]).to_dict()])
        scores = metric.evaluate(1)

    assert scores['image_mDice'] == 0
    assert [image.dice for image in metric.per_image] == [0]


def test_results_are_small():
    metric = DiceIoUMetric()
    metric.dataset_meta = {'classes': BINARY}
    labels = torch.zeros(64, 64, dtype=torch.long)

    metric.process(None, [sample(labels, labels).to_dict()])

    ((img_path, areas),) = metric.results
    assert img_path == 'a.jpg'
    assert areas.shape == (3, 2)
    assert areas.untyped_storage().nbytes() == 6 * 8


def test_table_is_logged(capsys):
    scores, _ = evaluate([sample([[0, 1, 1, 0]], [[0, 0, 1, 0]])])

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = {row[0]: row[1:] for row in rows if len(row) == 3}
    assert table['class'] == ['Dice', 'IoU']
    assert [float(cell) for cell in table['polyp']] == [66.67, 50]
    assert float(table['background'][0]) == round(scores['Dice.background'], 2)


@pytest.mark.parametrize('key', ['image_mDice', 'image_mIoU', 'mDice', 'mIoU'])
def test_save_best_knows_that_more_is_better(key):
    hook = CheckpointHook(save_best=key)

    assert hook.rules == ['greater']
    assert key in evaluate([sample([[0, 1]], [[0, 1]])])[0]


def test_string_as_foreground_is_refused():
    with pytest.raises(TypeError, match=r"Write \['polyp'\]"):
        DiceIoUMetric(foreground='polyp')


@pytest.mark.parametrize(
    ('foreground', 'classes'),
    [
        (['lesion'], BINARY),
        ([], BINARY),
        (['polyp', 'polyp'], BINARY),
        (None, ('polyp',)),
    ],
)
def test_wrong_foreground_fails_on_the_first_batch(foreground, classes):
    metric = DiceIoUMetric(foreground=foreground)
    metric.dataset_meta = {'classes': classes}

    with pytest.raises(ValueError, match='foreground: expected one or more'):
        metric.process(None, [sample([[0]], [[0]]).to_dict()])


def test_data_set_without_classes_is_refused():
    with pytest.raises(RuntimeError, match='dataset_meta: expected the names'):
        DiceIoUMetric().process(None, [sample([[0]], [[0]]).to_dict()])


def test_image_without_mask_is_refused():
    one = sample([[0, 1]], [[0, 1]], 'x/y.jpg')
    del one.gt_sem_seg

    with pytest.raises(ValueError, match=r'x/y.jpg: gt_sem_seg: expected'):
        evaluate([one])


@pytest.mark.parametrize(
    ('prediction', 'truth', 'message'),
    [
        ([[0, 1]], [[0], [1]], r'x/y.jpg: label maps: expected two maps'),
        ([[0, 2]], [[0, 1]], r'x/y.jpg: prediction: expected labels 0 to 1'),
        ([[0, 1]], [[0, 7]], r'x/y.jpg: ground truth: expected labels 0 to 1'),
    ],
)
def test_wrong_map_names_its_image(prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        evaluate([sample(prediction, truth, 'x/y.jpg')])


def test_empty_evaluation_is_refused():
    with pytest.raises(ValueError, match='expected one or more images'):
        evaluate([])


def test_evaluation_of_ignored_pixels_alone_is_refused():
    with pytest.raises(ValueError, match='every pixel is ignored'):
        evaluate([sample([[0, 1]], [[IGNORE, IGNORE]])])
