"""When the gradient pass of GPS stops."""

import pytest
import torch
from torch import nn

from gps_seg.peft import (
    GPS,
    GRFT,
    METHODS,
    SIFT,
    build_method,
    weights_to_select,
)
from gps_seg.sparse import Role


class Passes:
    """Scores that are given, in place of a pass over data."""

    def __init__(self, *scores):
        self.scores = scores
        self.asked = 0
        self.closed = False

    def __call__(self, evidence, *, most=None, doublings=False):
        assert doublings
        try:
            for number, score in enumerate(self.scores[:most]):
                self.asked += 1
                yield Answer({'backbone.weight': score}, 2**number)
        finally:
            self.closed = True


class Answer(dict):
    def __init__(self, scores, num_batches):
        super().__init__(scores)
        self.num_batches = num_batches


FIRST = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
HALF_MOVED = FIRST.clone()
HALF_MOVED[:2] = torch.tensor([0.0, 1.0])
SETTLED = HALF_MOVED * 2


def chosen(method, passes):
    model = nn.ModuleDict({'backbone': nn.Linear(2, 4, bias=False)})
    weights = weights_to_select(model, {'backbone.weight': Role.SELECTED})
    return method.choose(model, weights, passes, seed=0)


def choose(passes, **settings):
    return chosen(GPS(k=1, **settings), passes)


def test_overlaps_are_told_at_each_doubling():
    passes = Passes(FIRST, HALF_MOVED, SETTLED, FIRST)
    choice = choose(passes)
    assert choice.overlaps == {2: 0.5, 4: 1.0, 8: 0.5}
    assert choice.selection['backbone.weight'].tolist() == [0, 2, 4, 6]
    assert passes.closed


@pytest.mark.parametrize(('settled', 'asked'), [(0.5, 2), (0.51, 3), (1.0, 3)])
def test_the_pass_stops_when_the_selection_has_settled(settled, asked):
    passes = Passes(FIRST, HALF_MOVED, SETTLED, FIRST)
    choice = choose(passes, settled=settled)
    assert passes.asked == asked
    assert passes.closed
    assert choice.selection['backbone.weight'].tolist() == [1, 3, 4, 6]


@pytest.mark.parametrize(
    'method',
    [
        GPS(k=1),
        GPS(k=1, scope='layer'),
        GPS(share=0.5, scope='network', score='fisher'),
        GPS(k=1, score='taylor'),
        SIFT(share=0.5),
        GRFT(k=1, unit='row', penalty=0, last_blocks=0),
    ],
)
def test_an_encoder_without_any_gradient_is_an_error(method):
    passes = Passes(torch.zeros(4, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match='got zeros in each of its 1 weights'):
        chosen(method, passes)


def test_one_neuron_that_speaks_is_enough():
    score = torch.zeros(4, 2)
    score[3, 1] = 1
    assert choose(Passes(score)).dead == {'backbone.weight': 3}


def test_chance_asks_for_no_pass():
    passes = Passes(FIRST)
    assert choose(passes, score='random').overlaps == {}
    assert passes.asked == 0


@pytest.mark.parametrize('settled', [0, -0.1, 1.01])
def test_a_share_outside_its_range(settled):
    with pytest.raises(ValueError, match=r'settled: expected a number in'):
        build_method({'type': 'gps', 'k': 1, 'settled': settled}, METHODS)
