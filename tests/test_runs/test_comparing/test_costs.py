"""Who has a turn when, what is summarized, and how an interruption ends."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from gps_seg.runs.comparing.costs import rounds
from gps_seg.runs.comparing.costs import visits as visits_module
from gps_seg.runs.comparing.costs.rounds import (
    COSTS_FILE,
    measure_costs,
    measured_costs,
)

# Seconds of a step by method and round.
SECONDS = {'full': [2.0, 4.0, 3.0], 'gps': [1.0, 3.0, 1.2]}


@pytest.fixture
def configs():
    return {
        name: Config({'method': name, 'work_dir': f'runs/{name}'})
        for name in SECONDS
    }


class Visits(list):
    """Stands in for the worker: the tasks that it got."""

    def __init__(self):
        super().__init__()
        self.until = 100
        self.fails = ''

    def __call__(self, task, module):
        if len(self) == self.until:
            raise KeyboardInterrupt
        method = Config.fromfile(task['config']).method
        self.append((method, task['selected']))
        if method == self.fails:
            raise RuntimeError('exit status 1: out of memory')
        Path(task['keep']).touch()
        number = sum(name == method for name, _ in self)
        return {
            'step_seconds': SECONDS[method][number - 1],
            'test_seconds': 0.001 * number,
            'peak_bytes': 100 * number,
            'saved_bytes': 10 * number,
            'pass_seconds': None if task['selected'] else 5.0,
            'test_flops': 7,
            'threads': 1,
            'batch': 4,
            'size': [98, 98],
            'precision': 'float32',
        }


@pytest.fixture
def visits(monkeypatch):
    tasks = Visits()
    monkeypatch.setattr(visits_module, 'run_worker', tasks)
    return tasks


def test_variants_take_turns_and_select_once(visits, configs, tmp_path):
    measure_costs(configs, 'full', tmp_path, rounds=2)
    assert visits == [
        ('full', False),
        ('gps', False),
        ('full', True),
        ('gps', True),
    ]


def test_ratios_are_taken_within_the_rounds(visits, configs, tmp_path):
    costs = measure_costs(configs, 'full', tmp_path, rounds=3)
    gps = costs['variants']['gps']
    assert gps['step_seconds'] == [1.0, 3.0, 1.2]
    assert gps['step_ratio'] == pytest.approx(0.5)  # of 0.5, 0.75 and 0.4
    assert gps['step_ratio_range'] == pytest.approx([0.4, 0.75])
    assert costs['variants']['full']['step_ratio'] == 1


def test_rounds_are_summarized_and_counts_are_those_of_the_first(
    visits, configs, tmp_path
):
    costs = measure_costs(configs, 'full', tmp_path, rounds=3)
    gps = costs['variants']['gps']
    assert gps['peak_bytes'] == 200 and gps['saved_bytes'] == 10
    assert gps['test_milliseconds'] == pytest.approx(2)
    assert gps['pass_seconds'] == 5.0
    assert (costs['threads'], costs['batch']) == (1, 4)
    assert costs == json.loads((tmp_path / COSTS_FILE).read_text())


def test_a_failure_is_told_and_the_others_go_on(visits, configs, tmp_path):
    visits.fails, lines = 'full', []
    costs = measure_costs(configs, 'full', tmp_path, 2, report=lines.append)
    assert visits.count(('full', False)) == 1
    assert costs['variants']['full'] == {
        'error': 'exit status 1: out of memory'
    }
    assert costs['variants']['gps']['step_seconds'] == [1.0, 3.0]
    assert costs['variants']['gps']['step_ratio'] is None
    assert 'out of memory' in lines[0]


def test_an_interrupted_round_is_repeated(visits, configs, tmp_path):
    visits.until = 3  # in the second round, after the visit to `full`
    with pytest.raises(KeyboardInterrupt):
        measure_costs(configs, 'full', tmp_path, rounds=2)
    visits.clear()
    visits.until = 100
    costs = measure_costs(configs, 'full', tmp_path, rounds=2)
    assert visits == [('full', True), ('gps', True)]
    assert [len(v['step_seconds']) for v in costs['variants'].values()] == [
        2,
        2,
    ]


def test_a_visit_that_did_not_count_does_not_leave_its_selection(
    visits, configs, tmp_path
):
    visits.until = 1  # in the first round, after the visit to `full`
    with pytest.raises(KeyboardInterrupt):
        measure_costs(configs, 'full', tmp_path, rounds=1)
    visits.clear()
    visits.until = 100
    costs = measure_costs(configs, 'full', tmp_path, rounds=1)
    assert visits == [('full', False), ('gps', False)]
    assert costs['variants']['full']['pass_seconds'] == 5.0


def test_a_selection_that_is_gone_is_made_again(visits, configs, tmp_path):
    measure_costs(configs, 'full', tmp_path, rounds=1)
    visits.clear()
    measure_costs(configs, 'full', tmp_path, rounds=2)
    assert visits == [('full', False), ('gps', False)]


def test_only_the_costs_remain(visits, configs, tmp_path):
    measure_costs(configs, 'full', tmp_path, rounds=1)
    assert [path.name for path in tmp_path.iterdir()] == [COSTS_FILE]


def test_costs_of_other_steps_or_configs_are_not_mixed(
    visits, configs, tmp_path
):
    measure_costs(configs, 'full', tmp_path, rounds=1)
    visits.clear()
    configs['gps'].model = {'k': 2}
    lines = []
    costs = measure_costs(configs, 'full', tmp_path, 1, 9, lines.append)
    assert 'has other steps and configs' in lines[0]
    assert visits == [('full', False), ('gps', False)]
    assert costs['steps'] == 9
    assert len(costs['variants']['full']['step_seconds']) == 1


def test_rounds_of_two_machines_are_not_mixed(
    visits, configs, tmp_path, monkeypatch
):
    first = measure_costs(configs, 'full', tmp_path, rounds=1)
    there = rounds.describe_environment() | {'cpu': 'another'}
    monkeypatch.setattr(rounds, 'describe_environment', there.copy)
    assert measure_costs(configs, 'full', tmp_path, rounds=1) == first
    visits.clear()
    costs = measure_costs(configs, 'full', tmp_path, rounds=2)
    assert len(visits) == 4 and costs['machine']['cpu'] == 'another'


def test_the_work_directory_of_a_config_does_not_matter(
    visits, configs, tmp_path
):
    measure_costs(configs, 'full', tmp_path, rounds=1)
    visits.clear()
    configs['gps'].work_dir = 'elsewhere'
    measure_costs(configs, 'full', tmp_path, rounds=1)
    assert visits == []


def test_costs_that_were_measured_are_found_again(visits, configs, tmp_path):
    assert measured_costs(configs, 'full', tmp_path) is None
    costs = measure_costs(configs, 'full', tmp_path, rounds=2)
    visits.clear()
    assert measured_costs(configs, 'full', tmp_path) == costs
    assert measured_costs(configs, 'gps', tmp_path) is None
    configs['gps'].model = {'k': 2}
    assert measured_costs(configs, 'full', tmp_path) is None
    assert visits == []


def test_the_reference_is_one_of_the_variants(configs, tmp_path):
    with pytest.raises(ValueError, match="expected one of .*'gps'.*, got 'x'"):
        measure_costs(configs, 'x', tmp_path)


def test_a_variant_is_measured_in_a_process_of_its_own(training, tmp_path):
    configs = {'bias': training('bias')}
    costs = measure_costs(configs, 'bias', tmp_path, rounds=1, steps=1)
    bias = costs['variants']['bias']
    assert bias['step_ratio'] == 1 and bias['plain_at_test']
    assert costs['size'] == [16, 24]


def test_the_error_of_a_process_is_kept(training, tmp_path):
    config = training('bias')
    config.train_dataloader.dataset.ann_file = 'missing.txt'
    costs = measure_costs({'bias': config}, 'bias', tmp_path, rounds=1)
    assert 'missing.txt' in costs['variants']['bias']['error']
