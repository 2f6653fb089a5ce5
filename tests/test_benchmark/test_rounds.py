"""Who has a turn when, and what becomes of a method that fails."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest
from run_tool import run_tool

from gps_seg.benchmark import (
    Settings,
    preparation,
    processes,
    rounds,
    rows_of,
    run_rounds,
    worker,
)
from gps_seg.benchmark.methods import METHODS, Method
from gps_seg.benchmark.tasks.selecting import closest, select
from gps_seg.benchmark.tasks.serving import SERVED

SETTINGS = Settings(arch='tiny', size=32, steps=1, rounds=2)
COUNTS = [10, [1, 2], [3, 4], [5, 6]]


@pytest.fixture
def visits(monkeypatch):
    """Stands in for the worker; the method ``linear`` fails."""
    tasks = []

    def run(task):
        tasks.append(task)
        if task['method'] == 'linear':
            raise RuntimeError('exit status 1: out of memory')
        counts = COUNTS if task['count'] else None
        tuned = [8, 1.5, False] if task['count'] else None
        return dict(
            seconds=[0.5],
            peak=7,
            counts=counts,
            tuned_model=tuned,
            num_threads=1,
            compilation=[5, 2, 1],
        )

    monkeypatch.setattr(rounds, 'run_worker', run)
    return tasks


def run(methods, tmp_path, report=print):
    rows = rows_of(methods, [1, 2])
    return list(run_rounds(SETTINGS, rows, tmp_path, report))


def test_methods_take_turns_and_are_counted_once(visits, tmp_path):
    *_, (full, _, two) = run(['full', 'ours'], tmp_path)
    assert [(v['method'], v['count']) for v in visits] == [
        ('full', True),
        ('ours', True),
        ('ours', True),
        ('full', False),
        ('ours', False),
        ('ours', False),
    ]
    assert [v['selection'] and v['selection'][-14:] for v in visits[:3]] == [
        None,
        'k1.safetensors',
        'k2.safetensors',
    ]
    assert full.seconds == [[0.5], [0.5]] and full.peaks == [7, 7]
    assert two.counts.optimizer_state.head == 4
    assert two.tuned.flops == 1.5 and full.tuned.trained == 8
    assert two.compilation == (5, 2, 1)


def test_a_failure_is_told_and_the_others_go_on(visits, tmp_path):
    lines = []
    *_, (linear, bias) = run(['linear', 'bias'], tmp_path, lines.append)
    assert linear.problem == 'exit status 1: out of memory'
    assert [v['method'] for v in visits] == ['linear', 'bias', 'bias']
    assert len(bias.seconds) == 2
    assert 'out of memory' in lines[0] and 'round 2/2' in lines[-1]


def test_a_missing_package_is_told(monkeypatch, visits, tmp_path):
    absent = Method(METHODS['peft-lora'].build, requires='no_such_package')
    monkeypatch.setitem(METHODS, 'peft-lora', absent)
    *_, (lora,) = run(['peft-lora'], tmp_path)
    assert lora.problem == (
        'needs the package no_such_package, which is not installed'
    )
    assert visits == []


def test_the_last_line_of_a_crash_is_passed_on(monkeypatch):
    script = 'import sys; print("first"); sys.exit("ValueError: too large")'
    real = subprocess.run

    def crash(command, **kwargs):
        return real([sys.executable, '-c', script], **kwargs)

    monkeypatch.setattr(processes.subprocess, 'run', crash)
    with pytest.raises(RuntimeError, match='status 1: ValueError: too large'):
        processes.run_worker({'task': 'measure'})


RESULTS = {'benchmark.json', 'benchmark.png', 'selection_k2.safetensors'}
ARGUMENTS = (
    *('--arch', 'mmseg-tiny', '--steps', '1', '--rounds', '1', '--k', '2'),
    *('--methods', 'full', 'ours', '--equal-size', 'paca.columns'),
    *('--inference', '--out'),
)


def test_settings_of_a_method_reach_the_worker(visits, tmp_path):
    rows = rows_of(['lora', 'full'], [1], {'lora.rank': 3})
    list(run_rounds(SETTINGS, rows, tmp_path, print))
    assert [visit['options'] for visit in visits[:2]] == [{'rank': 3}, {}]


def check_results(folder, printed):
    assert printed.count('\nmethod ') == 2 and '\nours k=2 ' in printed
    assert {path.name for path in folder.iterdir()} == RESULTS
    content = json.loads((folder / 'benchmark.json').read_text())
    full, ours, equal = content['methods']
    assert content['selections'][0]['k'] == 2
    assert content['selections'][0]['seconds_from_sums'] > 0
    assert full['problem'] is None and ours['problem'] is None
    assert full['num_threads'] >= 1 and len(full['seconds_per_round']) == 1
    assert full['compilation'] is None
    dense = full['gradient_bytes']['encoder']
    assert ours['gradient_bytes']['encoder'] < dense
    assert full['tuned_model']['flops'] == ours['tuned_model']['flops'] == 1
    trained = [row['tuned_model']['trained'] for row in content['methods']]
    assert trained[0] > trained[1] > 0
    check_equal_size(content['equal_sizes'], equal, trained)
    assert {*content['inference']} == {*SERVED}
    assert len(content['inference']['inference fused']) == 1
    check_costs(content['fixed_costs'], ours['median_seconds'], printed)
    assert content['goals'] == []  # there are none for so small an encoder


def check_equal_size(found, row, trained):
    """The setting is known before; the row trains what was said."""
    assert found == [
        {
            'method': 'paca',
            'setting': 'columns',
            'value': row['settings']['columns'],
            'trained': trained[2],
            'trained_by_ours': trained[1],
        }
    ]
    # One more column of each matrix, 4 blocks: qkv, projection, fc1, fc2.
    column = 4 * (96 + 32 + 128 + 32)
    assert abs(trained[2] - trained[1]) <= column / 2


def check_costs(costs, step, printed):
    assert costs['k'] == 2 and costs['num_layers'] == 4 * 4
    names = ('optimizer', 'write', 'interception', 'switch')
    assert all(costs[f'{name}_seconds'] >= 0 for name in names)
    assert all(f'\n{name} ' in printed for name in names)
    share = sum(costs[f'{name}_seconds'] for name in names[:3]) / step
    line = next(s for s in printed.split('\n') if s.startswith('all of a st'))
    assert line.endswith(f' {100 * share:.1f} %')


def test_a_run_leaves_table_json_picture_and_selections(
    tmp_path, monkeypatch, capsys
):
    """As the test below, with the worker's tasks done in this process."""

    def run(task):
        settings = Settings(**task.pop('settings'))
        result = worker.TASKS[task.pop('task')](settings, **task)
        return json.loads(json.dumps(result))

    for module in (rounds, preparation):
        monkeypatch.setattr(module, 'run_worker', run)
    run_tool('benchmark.py', *ARGUMENTS, tmp_path)
    check_results(tmp_path, capsys.readouterr().out)


def test_a_worker_gives_what_was_measured():
    task = {'task': 'measure', 'settings': asdict(SETTINGS)}
    visit = processes.run_worker(
        task
        | {'method': 'bias', 'selection': None, 'count': True, 'options': {}}
        | {'attention': 'fused', 'variant': 'plain'}
    )
    assert len(visit['seconds']) == 1 and visit['seconds'][0] > 0
    assert len(visit['counts']) == 4
    if sys.platform == 'linux':
        assert visit['peak'] > 0


@pytest.mark.slow
def test_a_run_in_processes_of_their_own(repo_dir, tmp_path):
    done = subprocess.run(
        [sys.executable, 'tools/benchmark.py', *ARGUMENTS, str(tmp_path)],
        check=False,
        cwd=repo_dir,
        env={**os.environ, 'PYTHONPATH': str(repo_dir)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    check_results(tmp_path, done.stdout)


def test_k_above_a_fan_in_is_told_before_anything_is_measured(tmp_path):
    with pytest.raises(ValueError, match=r'k: expected 1 to 32 .* got 33'):
        select(SETTINGS, [33], [str(tmp_path / 'never')])
    assert list(tmp_path.iterdir()) == []


def test_the_closest_setting_is_found():
    def size(number):
        return 7 + 10 * number

    for target in (0, 17, 26, 28, 33, 1007):
        best = min(range(1, 200), key=lambda n: abs(size(n) - target))
        assert closest(size, target) == best


def test_attention_and_variant_reach_the_worker(visits, tmp_path):
    rows = rows_of(['full'], [1], attentions=['shipped'], variants=['mlps'])
    list(run_rounds(SETTINGS, rows, tmp_path, print))
    assert visits[0]['attention'] == 'shipped'
    assert visits[0]['variant'] == 'mlps'


def test_inference_needs_a_method_with_a_delta(tmp_path, capsys):
    arguments = [*ARGUMENTS[:8], '--methods', 'full', '--inference', '--out']
    with pytest.raises(SystemExit):
        run_tool('benchmark.py', *arguments, tmp_path)
    said = capsys.readouterr()
    assert 'inference: expected a method that selects' in said.err
    assert said.out == ''  # nothing has been measured
