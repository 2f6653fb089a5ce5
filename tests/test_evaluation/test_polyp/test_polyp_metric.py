"""The evaluator of the polyp field: names, averages, rules, errors."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook
from mmseg.registry import METRICS
from polyp_maps import BINARY, IGNORE, library, random_map, sample_of

from gps_seg.evaluation import POLYP_SCORES, DiceIoUMetric, PolypMetric
from gps_seg.evaluation.polyp.structure import structure_of


@pytest.fixture(autouse=True)
def _with_the_library():
    library()


def evaluate(samples, *others, classes=BINARY, **options):
    evaluator = Evaluator([PolypMetric(**options), *others])
    evaluator.dataset_meta = {'classes': classes}
    for one in samples:
        evaluator.process([one])
    return evaluator.evaluate(len(samples))


def test_every_score_is_a_plain_float_after_the_prefix():
    scores = evaluate([sample_of(*random_map(0))])

    assert list(scores) == [f'polyp/{name}' for name in POLYP_SCORES]
    assert {type(score) for score in scores.values()} == {float}
    assert 'x/MAE' in evaluate([sample_of(*random_map(0))], prefix='x')


def test_scores_are_percentages_averaged_over_the_images():
    maps = [random_map(seed, size=(12, 15 + seed)) for seed in range(3)]

    scores = evaluate([sample_of(*each) for each in maps])

    images = [structure_of(library(), p, t, t | True) for p, t in maps]
    curve = 100 * np.mean([i.e_by_threshold for i in images], axis=0)
    expected = {
        'weighted_F': 100 * np.mean([i.weighted_f for i in images]),
        'S_measure': 100 * np.mean([i.s_measure for i in images]),
        'adaptive_E': 100 * np.mean([i.adaptive_e for i in images]),
        'MAE': 100 * np.mean([np.abs(p - t).mean() for p, t in maps]),
        'threshold_max_E': curve.max(),
        'threshold_mean_E': curve.mean(),
    }
    for name, value in expected.items():
        assert scores[f'polyp/{name}'] == pytest.approx(value, rel=1e-9)


def test_thresholds_reach_the_whole_curve():
    """At each threshold the average over the images comes first."""
    maps = [random_map(seed) for seed in range(3)]

    scores = evaluate([sample_of(*each) for each in maps])

    curve = []
    for level in range(256):
        dice = []
        for probability, truth in maps:
            predicted = probability > (level - 0.5) / 255
            both = (predicted & truth).sum()
            dice.append(200 * both / (predicted.sum() + truth.sum()))
        curve.append(np.mean(dice))
    assert scores['polyp/threshold_max_mDice'] == pytest.approx(max(curve))
    assert scores['polyp/threshold_mean_mDice'] == pytest.approx(
        np.mean(curve)
    )
    assert max(curve) > scores['polyp/image_mDice']


def test_two_channels_agree_with_the_other_evaluator():
    samples = [sample_of(*random_map(seed)) for seed in range(3)]
    samples[1].gt_sem_seg.data[0, :3] = IGNORE

    scores = evaluate(samples, DiceIoUMetric())

    for ours, other in {
        'image_mDice': 'image_mDice',
        'image_mIoU': 'image_mIoU',
        'pooled_Dice': 'Dice.polyp',
        'pooled_IoU': 'IoU.polyp',
    }.items():
        assert scores[f'polyp/{ours}'] == pytest.approx(scores[other])


def test_one_channel_is_cut_at_one_half_whatever_its_head_does():
    one = sample_of([[0.4, 0.4, 0.9]], [[0, 0, 1]], channels=1)

    scores = evaluate([one], DiceIoUMetric())

    assert scores['polyp/image_mDice'] == 100
    assert scores['image_mDice'] == 50  # the head's threshold of 0.3


@pytest.mark.parametrize(
    ('probability', 'truth', 'expected'),
    [
        ([[0.1, 0.2]], [[0, 0]], 100),  # nothing there, nothing found
        ([[0.1, 0.9]], [[0, 0]], 0),  # nothing there, something found
        ([[0.1, 0.2]], [[0, 1]], 0),  # something there, nothing found
        ([[0.1, 0.9]], [[0, IGNORE]], 100),  # found where nobody knows
    ],
)
def test_rule_for_empty_masks(probability, truth, expected):
    scores = evaluate([sample_of(probability, truth)])

    assert scores['polyp/image_mDice'] == expected
    assert scores['polyp/image_mIoU'] == expected


def test_no_polyp_anywhere_leaves_the_pooled_scores_without_a_value():
    scores = evaluate([sample_of([[0.1, 0.2]], [[0, 0]])])

    assert np.isnan(scores['polyp/pooled_Dice'])
    assert np.isnan(scores['polyp/pooled_IoU'])


def test_ignored_pixels_do_not_count():
    probability, truth = random_map(0)
    labels = truth.astype(int)
    labels[:, :5] = IGNORE
    changed = probability.copy()
    changed[:, :5] = 1 - changed[:, :5]

    first = evaluate([sample_of(probability, labels)])

    assert first == evaluate([sample_of(changed, labels)])


def test_built_from_a_config_and_used_in_half_precision():
    one = sample_of(*random_map(0))
    one.seg_logits.data = one.seg_logits.data.clamp(-20, 20).bfloat16()
    metric = METRICS.build({'type': 'PolypMetric', 'ignore_index': 254})
    metric.dataset_meta = {'classes': BINARY}

    metric.process(None, [one.to_dict()])

    assert set(metric.evaluate(1)) == {f'polyp/{n}' for n in POLYP_SCORES}


def test_padded_samples_of_a_distributed_run_are_dropped():
    metric = PolypMetric()
    metric.dataset_meta = {'classes': BINARY}
    for probability in ([[0.1, 0.9]], [[0.9, 0.1]]):
        metric.process(None, [sample_of(probability, [[0, 1]]).to_dict()])

    scores = metric.compute_metrics(metric.results[:1])

    assert scores['image_mDice'] == 100


@pytest.mark.parametrize(
    'name', [name for name in POLYP_SCORES if 'mDice' in name]
)
def test_save_best_knows_that_more_dice_is_better(name):
    assert CheckpointHook(save_best=f'polyp/{name}').rules == ['greater']


@pytest.mark.parametrize('classes', [('polyp',), ('a', 'b', 'c')])
def test_another_number_of_classes_is_refused(classes):
    with pytest.raises(ValueError, match='one foreground class, got'):
        evaluate([sample_of([[0.1]], [[0]])], classes=classes)


def test_data_set_without_classes_is_refused():
    with pytest.raises(RuntimeError, match='dataset_meta: expected the names'):
        evaluate([sample_of([[0.1]], [[0]])], classes=())


@pytest.mark.parametrize(
    ('probability', 'truth', 'message'),
    [
        ([[0.1, 0.9]], [[0], [1]], r'x/y.jpg: label maps: expected two maps'),
        ([[0.1, 0.9]], [[0, 7]], r'x/y.jpg: ground truth: expected labels'),
        ([[0.1, np.nan]], [[0, 1]], r'x/y.jpg: seg_logits: expected finite'),
    ],
)
def test_wrong_input_names_its_image(probability, truth, message):
    with pytest.raises(ValueError, match=message):
        evaluate([sample_of(probability, truth, 'x/y.jpg')])


def test_image_without_mask_is_refused():
    one = sample_of([[0.1]], [[0]], 'x/y.jpg')
    del one.gt_sem_seg

    with pytest.raises(ValueError, match=r'x/y.jpg: gt_sem_seg: expected'):
        evaluate([one])


def test_evaluation_of_nothing_is_refused():
    with pytest.raises(ValueError, match='expected one or more images'):
        evaluate([])
    ignored = torch.full((1, 2), IGNORE)
    with pytest.raises(ValueError, match='every pixel is ignored'):
        evaluate([sample_of([[0.1, 0.9]], ignored)])
