"""Areas at 256 thresholds, and their averages, against loops of NumPy."""

import numpy as np
import pytest
import torch
from polyp_maps import random_map

from gps_seg.evaluation.polyp.averages import at_one_half, over_thresholds
from gps_seg.evaluation.polyp.thresholds import areas_by_threshold, to_levels


def areas(probability, truth, counted=None):
    counted = np.ones_like(truth) if counted is None else counted
    levels = to_levels(torch.as_tensor(probability))
    masks = torch.as_tensor(truth), torch.as_tensor(counted)
    return areas_by_threshold(levels, *masks)


def dice_and_iou(predicted, truth):
    """The definition; 1 where neither has foreground."""
    if not (predicted | truth).any():
        return 1.0, 1.0
    both = (predicted & truth).sum()
    dice = 2 * both / (predicted.sum() + truth.sum())
    return dice, both / (predicted | truth).sum()


def test_areas_count_the_pixels_of_at_least_each_level():
    probability, truth = random_map(0)
    counted = np.random.default_rng(1).random(truth.shape) < 0.8

    actual = areas(probability, truth, counted)

    for level in range(256):
        # Maps are in steps of 1/255; half a step avoids rounding.
        predicted = (probability > (level - 0.5) / 255) & counted
        expected = [
            (predicted & truth).sum(),
            predicted.sum(),
            (truth & counted).sum(),
        ]
        assert actual[:, level].tolist() == expected


def test_dice_and_iou_are_averaged_over_images_then_thresholds():
    maps = [random_map(seed) for seed in range(4)]
    maps.append((maps[0][0] * 0.4, np.zeros_like(maps[0][1])))  # no polyp

    scores = over_thresholds(torch.stack([areas(*each) for each in maps]))

    curves = np.array(
        [
            [
                dice_and_iou(probability > (level - 0.5) / 255, truth)
                for level in range(256)
            ]
            for probability, truth in maps
        ]
    ).mean(axis=0)
    for number, name in enumerate(['mDice', 'mIoU']):
        curve = curves[:, number]
        assert float(scores[f'threshold_max_{name}']) == pytest.approx(
            curve.max(), rel=1e-12
        )
        assert float(scores[f'threshold_mean_{name}']) == pytest.approx(
            curve.mean(), rel=1e-12
        )


def test_at_one_half_per_image_and_pooled():
    maps = [random_map(seed) for seed in range(4)]
    per_image, pooled = [], []
    for probability, truth in maps:
        per_image.append(dice_and_iou(probability > 0.5, truth))
        pooled.append((probability > 0.5, truth))
    counts = [
        torch.tensor([(p & t).sum(), p.sum(), t.sum()]) for p, t in pooled
    ]

    scores = at_one_half(torch.stack(counts))

    everything = dice_and_iou(
        *(np.concatenate([each[i].ravel() for each in pooled]) for i in (0, 1))
    )
    expected = [*np.mean(per_image, axis=0), *everything]
    names = ['image_mDice', 'image_mIoU', 'pooled_Dice', 'pooled_IoU']
    actual = [float(scores[name]) for name in names]
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_levels_are_the_nearest_and_one_half_is_not_predicted():
    above = np.nextafter(0.5, 1)
    values = torch.tensor([0, 0.0019, 0.002, 0.5, above, 0.998, 0.999, 1])

    assert to_levels(values.double()).tolist() == [
        *(0, 0, 1, 127),
        *(128, 254, 255, 255),
    ]


def test_no_map_is_stretched():
    faint = torch.full((3, 3), 0.3, dtype=torch.float64)
    faint[0, 0] = 0.0

    assert to_levels(faint).max() == 76
