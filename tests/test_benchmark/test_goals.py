"""Goals against runs made by hand."""

import pytest

from gps_seg.benchmark import Settings, figures_of, format_goals, outcomes
from gps_seg.benchmark.counters import Bytes, Counts
from gps_seg.benchmark.goals import GOALS, Figure, Outcome
from gps_seg.benchmark.hosts import ARCHITECTURES
from gps_seg.benchmark.results import Ratio
from gps_seg.benchmark.rounds import Measurement
from gps_seg.benchmark.rows import Row, rows_of
from gps_seg.benchmark.tasks.serving import SERVED

NONE = Bytes(0, 0)
VIT = Settings(arch='vit-b16', size=512)


def measurement(label, seconds, saved):
    return Measurement(
        Row('x', None, label),
        seconds=seconds,
        counts=Counts(saved, NONE, NONE, NONE),
    )


ROWS = [
    measurement('bias', [[1.0, 1.2], [2.0, 2.0]], 100),
    measurement('ours k=1', [[1.1, 1.0], [2.3, 2.2]], 106),
]
FACTS = {'k': 1, 'seconds_from_sums': 0.3}
COSTS = {
    'k': 1,
    'switch_seconds': 0.0095,
}


def reached(settings, inference=(), selections=(), costs=None, rows=ROWS):
    figures = figures_of(rows, dict(inference), selections, costs)
    return {o.heading: o for o in outcomes(settings, figures)}


def test_rows_are_compared_by_the_fastest_step_of_each_round():
    got = reached(VIT)
    assert got.keys() == {'ours k=1 / bias, time', 'ours k=1 / bias, saved'}
    time, saved = got.values()
    assert time.got == pytest.approx((1.05, 1.0, 1.1))
    assert time.limit == 1.05 and time.is_met == (time.got.median <= 1.05)
    assert saved.got.median == 1.06 and not saved.is_met


def test_a_ratio_at_the_limit_is_met():
    assert Outcome('x', Ratio(1.05, 1.0, 2.0), 1.05).is_met
    assert not Outcome('x', Ratio(1.0501, 1.0, 2.0), 1.05).is_met


def test_costs_without_a_row():
    got = reached(VIT, selections=[FACTS], costs=COSTS, rows=[])
    assert {heading: o.is_met for heading, o in got.items()} == {
        'switch of deltas, ms': True,
        'selection from sums, s': True,
    }


def test_costs_at_another_k_have_no_goal():
    facts, costs = {**FACTS, 'k': 2}, {**COSTS, 'k': 2}
    assert reached(VIT, selections=[facts], costs=costs, rows=[]) == {}


def test_inference_by_round():
    inference = {
        'inference shipped': [[1.0, 2.0], [4.0, 3.0]],
        'inference fused': [[0.7, 0.9], [2.4, 9.0]],
    }
    settings = Settings(arch='mmseg-vit-b16', size=512)
    (got,) = reached(settings, inference=inference, rows=[]).values()
    assert got.got == pytest.approx((0.75, 0.7, 0.8)) and not got.is_met


@pytest.mark.parametrize(
    'settings',
    [
        Settings(arch='tiny', size=32),
        Settings(arch='vit-b16', size=256),
        Settings(arch='vit-b16', size=512, batch=4),
        Settings(arch='vit-b16', size=512, dtype='bfloat16'),
    ],
)
def test_other_runs_have_no_goals(settings):
    assert reached(settings, selections=[FACTS], costs=COSTS) == {}


def test_a_compiled_run_has_its_own_limit():
    compiled = Settings(arch='vit-b16', size=512, compile=True)
    limits = {h: o.limit for h, o in reached(compiled).items()}
    assert limits == {
        'ours k=1 / bias, time': 1.10,
        'ours k=1 / bias, saved': 1.05,
    }


def test_a_row_that_failed_reaches_nothing():
    failed = Measurement(Row('x', None, 'bias'), problem='out of memory')
    assert reached(VIT, rows=[failed, ROWS[1]]) == {}


def test_goals_are_about_rows_and_architectures_that_exist():
    labels = {
        row.label
        for row in rows_of(
            ['full', 'bias', 'ours'],
            [1],
            attentions=['fused', 'shipped'],
            variants=['plain', 'mlps'],
            equal_sizes=['paca.columns'],
        )
    }
    for goal in GOALS:
        assert {*goal.archs} <= ARCHITECTURES.keys()
        if goal.over is not None:
            rows = {goal.value.row, goal.over.row}
            assert rows <= labels | SERVED.keys()
            assert goal.value.metric == goal.over.metric


def test_the_table_says_what_is_met():
    text = format_goals([*reached(VIT).values()])
    _, time, saved = text.splitlines()
    assert ' '.join(saved.split()) == (
        'ours k=1 / bias, saved 1.060 (1.060-1.060) 1.050 NO'
    )
    assert time.split()[-3] == '(1.000-1.100)'


def test_a_goal_that_is_not_a_ratio_is_the_value_itself():
    figures = {Figure('switch of deltas', 'ms'): [12.0]}
    (outcome,) = outcomes(VIT, figures)
    assert outcome.got == (12.0, 12.0, 12.0) and not outcome.is_met
