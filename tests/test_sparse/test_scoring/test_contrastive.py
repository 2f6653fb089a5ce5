"""The contrastive loss against its equation, term by term."""

import math

import pytest
import torch

from gps_seg.sparse.scoring.contrastive import supervised_contrastive_loss


def by_the_equation(features, labels, temperature):
    """Equation 2 (L_out) of Khosla et al. 2020, in Python's floats."""
    unit = [
        [x / math.sqrt(sum(y * y for y in row)) for x in row]
        for row in features
    ]

    def similarity(i, j):
        dot = sum(a * b for a, b in zip(unit[i], unit[j], strict=True))
        return math.exp(dot / temperature)

    number, losses = len(labels), []
    for i in range(number):
        others = [j for j in range(number) if j != i]
        positives = [j for j in others if labels[j] == labels[i]]
        if not positives:
            continue
        total = sum(similarity(i, j) for j in others)
        terms = [math.log(similarity(i, p) / total) for p in positives]
        losses.append(-sum(terms) / len(terms))
    return sum(losses) / len(losses)


@pytest.mark.parametrize('temperature', [0.07, 0.5])
@pytest.mark.parametrize(
    'labels', [[0, 0, 1, 1], [0, 0, 0, 1], [2, 5, 2, 5, 5, 9]]
)
def test_loss_equals_the_equation(labels, temperature):
    torch.manual_seed(0)
    features = torch.randn(len(labels), 5, dtype=torch.float64)
    found = supervised_contrastive_loss(
        features, torch.tensor(labels), temperature
    )
    expected = by_the_equation(features.tolist(), labels, temperature)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_features_of_one_label_are_pulled_together():
    features = torch.randn(8, 4, requires_grad=True)
    labels = torch.arange(8) % 2
    optimizer = torch.optim.SGD([features], lr=1.0)
    for _ in range(200):
        optimizer.zero_grad()
        supervised_contrastive_loss(features, labels, 0.5).backward()
        optimizer.step()
    unit = torch.nn.functional.normalize(features.detach(), dim=1)
    similarity = unit @ unit.T
    same = labels[:, None] == labels[None]
    assert similarity[same].min() > similarity[~same].max()


def test_the_gradient_is_finite_for_samples_without_a_positive():
    features = torch.randn(5, 4, requires_grad=True)
    labels = torch.tensor([0, 0, 1, 2, 3])
    supervised_contrastive_loss(features, labels, 0.07).backward()
    assert features.grad.isfinite().all()


def test_labels_that_are_all_different():
    with pytest.raises(ValueError, match='two samples of the same label'):
        supervised_contrastive_loss(torch.randn(3, 2), torch.arange(3), 0.07)


def test_the_loss_is_in_float32_under_autocast():
    features, labels = torch.randn(6, 5), torch.tensor([0, 1, 2, 0, 1, 2])
    plain = supervised_contrastive_loss(features, labels, 0.07)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = supervised_contrastive_loss(features, labels, 0.07)
    assert torch.equal(mixed, plain)
