"""The soft IoU against its definition, pixel by pixel."""

import math

import pytest
import torch
from rounding import rounding_error

from gps_seg.models import SoftIoULoss


def by_definition(logits, labels, ignored):
    """Sums over pixels in plain Python; 1 is added to both areas."""
    losses = []
    for image, truth in zip(
        logits[:, 0].tolist(), labels.tolist(), strict=True
    ):
        both = either = 1.0
        for row, true_row in zip(image, truth, strict=True):
            for logit, label in zip(row, true_row, strict=True):
                if label == ignored:
                    continue
                p, t = 1 / (1 + math.exp(-logit)), float(label == 1)
                both += p * t
                either += p + t - p * t
        losses.append(1 - both / either)
    return sum(losses) / len(losses)


def test_it_is_one_minus_the_mean_iou_of_the_images():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 4, 5, generator=generator)
    labels = torch.randint(0, 2, (3, 4, 5), generator=generator)
    labels[0, :2] = 255
    labels[1] = 0  # without the object
    loss = SoftIoULoss(loss_weight=2.0)(logits, labels, ignore_index=255)
    expected = 2 * by_definition(logits, labels, 255)
    tolerance = rounding_error(2, torch.float32, terms=20, depth=2)
    assert loss.item() == pytest.approx(expected, abs=tolerance)


def test_an_image_without_the_object_pulls_its_mask_down():
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    SoftIoULoss()(logits, torch.zeros(1, 2, 2, dtype=torch.long)).backward()
    assert (logits.grad > 0).all()


def test_several_channels_are_refused():
    with pytest.raises(ValueError, match='one channel, got 3'):
        SoftIoULoss()(torch.ones(1, 3, 2, 2), torch.ones(1, 2, 2))
