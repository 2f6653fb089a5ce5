"""Scores against their formulas."""

import pytest
import torch
from torch import nn

from gps_seg.sparse import Evidence, Scores
from gps_seg.sparse.scoring.criteria import check_score, evidence_for

FORMULAS = {
    'gradient': (Evidence.GRADIENT, lambda w, s: abs(s)),
    'fisher': (Evidence.SQUARED_GRADIENT, lambda w, s: s),
    'taylor': (Evidence.GRADIENT, lambda w, s: abs(w * s)),
    'activation': (Evidence.INPUT, lambda w, s: abs(w) * s),
    'magnitude': (None, lambda w, s: abs(w)),
}


@pytest.mark.parametrize('score', FORMULAS)
def test_scores_equal_their_formulas(score):
    weight = nn.Parameter(torch.randn(3, 4))
    total = torch.randn(3, 4)
    evidence, formula = FORMULAS[score]
    assert evidence_for(score) is evidence
    sums = None if evidence is None else {'w': total}
    found = Scores(score, {'w': weight}, sums, seed=0)['w']
    for row in range(3):
        for column in range(4):
            expected = formula(
                weight[row, column].item(), total[row, column].item()
            )
            assert found[row, column].item() == pytest.approx(expected)


def test_scores_of_a_half_precision_weight_are_float32():
    weight = nn.Parameter(torch.randn(3, 4).to(torch.bfloat16))
    scores = Scores('magnitude', {'w': weight}, None, seed=0)
    assert scores['w'].dtype == torch.float32
    assert not scores['w'].requires_grad


def test_chance_is_seeded_by_weight():
    weights = {name: nn.Linear(50, 50).weight for name in 'ab'}
    first = Scores('random', weights, None, seed=3)
    again = Scores('random', {'b': weights['b']}, None, seed=3)
    other = Scores('random', weights, None, seed=4)
    assert torch.equal(first['b'], again['b'])
    assert not torch.equal(first['a'], first['b'])
    assert not torch.equal(first['a'], other['a'])
    assert first['a'].min() > 0
    assert evidence_for('random') is None


def test_an_unknown_score_lists_the_scores():
    with pytest.raises(ValueError, match=r"one of \('gradient'.*'snip'"):
        check_score('snip')
