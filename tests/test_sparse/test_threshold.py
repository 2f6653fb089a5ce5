"""The threshold that meets a budget, against a walk down the sorted scores."""

import pytest
import torch

from gps_seg.sparse.threshold import (
    Group,
    Price,
    least_budget,
    threshold_within,
)


def groups():
    torch.manual_seed(0)
    return [
        Group(torch.rand(6, 8), Price(each=1, many=10, whole=30)),
        Group(torch.rand(4, 5).square(), Price(each=1, many=4, whole=4)),
        Group(torch.rand(7), Price(each=0, many=2, whole=7)),
        Group(torch.rand(30) / 10, Price(each=1)),
    ]


def winners(groups, budget):
    threshold = threshold_within(groups, budget)
    return [int((scores >= threshold).sum()) for scores, _ in groups]


def walk(groups):
    """Yield winners and total cost at each step down the sorted scores."""
    scores = torch.cat([scores.flatten() for scores, _ in groups])
    owner = [i for i, (s, _) in enumerate(groups) for _ in range(s.numel())]
    counts = [0] * len(groups)
    for position in scores.argsort(descending=True).tolist():
        counts[owner[position]] += 1
        total = 0
        for count, (_, price) in zip(counts, groups, strict=True):
            if price.many is not None and count >= price.many:
                total += price.whole
            else:
                total += count * price.each
        yield list(counts), total


@pytest.mark.parametrize('budget', [1, 5, 13, 29, 33, 40, 47, 60, 70, 71, 999])
def test_as_many_entries_win_as_the_budget_allows(budget):
    steps = [counts for counts, total in walk(groups()) if total <= budget]
    assert winners(groups(), budget) == steps[-1]


def test_no_entry_that_costs_wins_without_a_budget():
    steps = [counts for counts, total in walk(groups()) if total == 0]
    assert winners(groups(), 0) == (steps or [[0, 0, 0, 0]])[-1]


def test_the_least_budget_is_the_first_cost_on_the_way_down():
    for number in range(1, 5):
        some = groups()[:number]
        costs = [total for _, total in walk(some) if total > 0]
        assert least_budget(some) == costs[0]


def test_an_entry_without_a_score_never_wins():
    scores = torch.tensor([0.0, 1e-44, 3.0])  # the second one is subnormal
    assert winners([Group(scores, Price(1))], 3) == [2]


def test_equal_scores_win_together_or_not_at_all():
    group = Group(torch.tensor([2.0, 1.0, 1.0]), Price(1))
    assert winners([group], 2) == [1]
    assert winners([group], 3) == [3]


def test_the_largest_float_can_be_shut_out():
    largest = torch.tensor([torch.finfo(torch.float32).max])
    assert winners([Group(largest, Price(1))], 0) == [0]
