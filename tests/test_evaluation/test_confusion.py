"""Areas and ratios against sets of pixels."""

import math

import pytest
import torch

from gps_seg.evaluation.confusion import (
    class_areas,
    dice_scores,
    iou_scores,
    mean_of_present,
)

IGNORE = 255


def random_maps(seed, size=(13, 17), num_classes=5, ignored=0.2):
    """Maps in which classes are rare, absent on one side, or absent."""
    generator = torch.Generator().manual_seed(seed)
    shares = torch.rand(2, num_classes, generator=generator) ** 4
    shares[0, seed % num_classes] = 0
    shares[1, (seed + 1) % num_classes] = 0
    shares[:, (seed + 2) % num_classes] = 0
    count = size[0] * size[1]
    prediction, truth = (
        torch.multinomial(share, count, replacement=True, generator=generator)
        for share in shares
    )
    truth[torch.rand(count, generator=generator) < ignored] = IGNORE
    return prediction.view(size), truth.view(size)


def pixel_sets(prediction, truth, label):
    """The definition: where a class is predicted and where it is true."""
    height, width = prediction.shape
    known = {
        (y, x)
        for y in range(height)
        for x in range(width)
        if int(truth[y, x]) != IGNORE
    }
    predicted = {p for p in known if int(prediction[p]) == label}
    true = {p for p in known if int(truth[p]) == label}
    return predicted, true


@pytest.mark.parametrize('seed', range(6))
def test_scores_equal_the_definition_on_sets(seed):
    prediction, truth = random_maps(seed)

    areas = class_areas(prediction, truth, 5, IGNORE)

    for label in range(5):
        predicted, true = pixel_sets(prediction, truth, label)
        expected = [len(predicted & true), len(predicted), len(true)]
        assert areas[:, label].tolist() == expected
        dice = float(dice_scores(areas)[label])
        iou = float(iou_scores(areas)[label])
        if predicted | true:
            both = len(predicted & true)
            assert dice == 2 * both / (len(predicted) + len(true))
            assert iou == both / len(predicted | true)
            assert dice == pytest.approx(2 * iou / (1 + iou), abs=1e-15)
        else:
            assert math.isnan(dice) and math.isnan(iou)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32, torch.int32])
def test_type_of_the_labels_does_not_matter(dtype):
    prediction, truth = random_maps(1)

    areas = class_areas(prediction.to(dtype), truth.to(dtype), 5, IGNORE)

    torch.testing.assert_close(areas, class_areas(prediction, truth, 5))


def test_areas_are_integers_and_add_up_exactly():
    labels = torch.zeros(2, 2, dtype=torch.uint8)
    areas = class_areas(labels, labels, 2)

    total = areas + 2**24  # where float32 no longer counts in ones

    assert (total[:, 0] - 2**24).tolist() == [4, 4, 4]
    assert areas.dtype == torch.int64


def test_ignored_pixels_may_be_predicted_as_anything():
    truth = torch.tensor([[0, IGNORE]])

    areas = class_areas(torch.tensor([[0, 99]]), truth, 2)

    assert areas.tolist() == [[1, 0], [1, 0], [1, 0]]


def test_mean_leaves_out_what_does_not_occur():
    nan = float('nan')
    scores = torch.tensor([[0.5, nan], [nan, nan], [0.0, 1.0]])

    assert mean_of_present(scores).tolist() == [0.5, 1.0, 0.5]


@pytest.mark.parametrize(
    ('prediction', 'truth', 'message'),
    [
        (torch.zeros(2, 3), torch.zeros(3, 2), r'got prediction \(2, 3\)'),
        (torch.zeros(6), torch.zeros(6), 'two maps of one shape'),
        (torch.zeros(2, 3), torch.zeros(3, 2), 'Resize the prediction'),
        (torch.zeros(2, 3), torch.zeros(2, 3, 3), 'masks to one channel'),
        (torch.zeros(2, 2, 3), torch.zeros(2, 3), 'Give one label for each'),
        (torch.full((2, 2), 2), torch.zeros(2, 2), r'prediction: .* got \[2'),
        (torch.full((2, 2), -1), torch.zeros(2, 2), r'prediction: .*\[-1\]'),
        (torch.zeros(2, 2), torch.full((2, 2), 254), r'ground truth: .*\[254'),
        (torch.full((2, 2), 0.5), torch.zeros(2, 2), r'prediction: .*\[0.5'),
        (torch.full((2, 2), math.nan), torch.zeros(2, 2), 'prediction: .*nan'),
    ],
)
def test_wrong_maps_are_refused(prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        class_areas(prediction, truth, 2)


def test_wrong_labels_are_counted_among_the_pixels_that_count():
    truth = torch.tensor([[0, IGNORE, 3], [1, 4, IGNORE]])
    message = r'got \[3, 4\] \(2 of 4 pixels\)'
    with pytest.raises(ValueError, match=message):
        class_areas(torch.zeros_like(truth), truth, 2)
