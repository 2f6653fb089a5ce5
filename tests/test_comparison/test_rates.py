"""The rate of a variant: best mean over the seeds of the tuning runs."""

import math

import pytest
from synthetic_runs import run_record

from gps_seg.comparison import choose_rates


def runs_of(scores, variant='gps'):
    """Runs from the Dice by rate and seed."""
    return [
        run_record(variant, seed, [dice, dice], rate=rate)
        for rate, dices in scores.items()
        for seed, dice in enumerate(dices)
    ]


def test_the_best_mean_over_the_seeds_is_chosen():
    runs = runs_of({3.0: [85, 75], 1.0: [82, 82], 0.3: [79, 80]})
    (choice,) = choose_rates(runs).values()
    assert choice.scores == {0.3: 79.5, 1.0: 82, 3.0: 80}
    assert list(choice.scores) == [0.3, 1.0, 3.0]
    assert (choice.best, choice.edge) == (1.0, '')


@pytest.mark.parametrize(
    ('scores', 'best', 'edge'),
    [
        ({0.3: [90], 1.0: [80]}, 0.3, 'lowest'),
        ({0.3: [80], 1.0: [90]}, 1.0, 'highest'),
        ({1.0: [80]}, 1.0, ''),  # no grid, no edge
        ({0.3: [70], 1.0: [80], 3.0: [80], 9.0: [70]}, 1.0, ''),
    ],
)
def test_an_edge_is_named_and_a_tie_goes_to_the_lower_rate(scores, best, edge):
    choice = choose_rates(runs_of(scores))['gps']
    assert (choice.best, choice.edge) == (best, edge)


def test_a_rate_with_a_failed_run_is_not_chosen():
    runs = runs_of({0.3: [math.nan, 99], 1.0: [80, 80], 3.0: [99]})
    choice = choose_rates(runs)['gps']
    assert choice.best == 1.0
    assert list(choice.scores) == [0.3, 1.0, 3.0]


def test_each_variant_has_its_own_rate():
    runs = runs_of({1.0: [80], 3.0: [81]}) + runs_of({1.0: [70]}, 'bias')
    choices = choose_rates(runs)
    assert {name: each.best for name, each in choices.items()} == {
        'gps': 3.0,
        'bias': 1.0,
    }


def test_a_run_without_a_rate_is_refused():
    with pytest.raises(ValueError, match='with a rate, got gps with seed 0'):
        choose_rates(runs_of({None: [80]}))


def test_a_variant_that_never_scored_is_refused():
    with pytest.raises(ValueError, match='finite score of gps'):
        choose_rates(runs_of({1.0: [math.nan]}))
