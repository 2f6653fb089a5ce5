"""Points in turn, failures, and a second start that goes on."""

import json
import sys

import pytest

from gps_seg.benchmark import processes
from gps_seg.benchmark.growth import Place, measure_missing, measuring, worker
from gps_seg.benchmark.growth.points import Host, Point
from gps_seg.sparse import Selection

HOST = Host('vit-tiny', 32, 2, ks=(1, 4), images=4)
POINTS = [
    Point(HOST, 'select'),
    Point(HOST, 'bias'),
    Point(HOST, 'lora-qv'),
    Point(HOST, 'gps', 4),
]


@pytest.fixture
def tasks(monkeypatch):
    """Does the worker's tasks in this process, and keeps them."""
    kept = []

    def run(task, module):
        assert module == worker.__name__
        kept.append(json.loads(json.dumps(task)))
        task = dict(kept[-1])
        try:
            result = worker.TASKS[task.pop('task')](**task)
        except FileNotFoundError as error:
            raise RuntimeError(str(error)) from error
        return json.loads(json.dumps(result))

    monkeypatch.setattr(measuring, 'run_worker', run)
    monkeypatch.setattr(worker, 'SECONDS', 0.0)
    return kept


def measure(points, results, folder):
    lines = []
    seen = list(measure_missing(points, results, Place(folder), lines.append))
    return seen, lines


def test_every_point_is_measured_and_given_at_once(tasks, tmp_path):
    seen, lines = measure(POINTS, {}, tmp_path)
    assert [len(results) for results in seen] == [1, 2, 3, 4]
    assert [task['task'] for task in tasks] == ['select', *['measure'] * 3]
    assert all('left)' in line for line in lines)
    chosen, bias, _, gps = (seen[-1][point.key] for point in POINTS)
    assert [images for images, _ in chosen['passes']] == [1, 2, 4]
    assert [fact['k'] for fact in chosen['selections']] == [1, 4]
    assert len(bias['seconds']) == worker.LEAST_STEPS
    assert bias['saved'] < gps['saved']
    # AdamW holds two moments of a value, and one count of a tensor.
    assert gps['gradients'] * 2 < gps['state'] < gps['gradients'] * 2.1


def test_the_facts_of_a_selection_are_those_of_its_file(tasks, tmp_path):
    ((results,), _) = measure(POINTS[:1], {}, tmp_path)
    fact = results[POINTS[0].key]['selections'][1]
    selection = Selection.load(Place(tmp_path).selection(HOST, 4))
    assert fact['num_selected'] == selection.num_selected
    name = 'backbone.layers.1.attn.qkv.weight'
    columns = {int(index) % 32 for index in selection[name]}
    assert fact['columns'][name] == [len(columns), 32]
    rows = sum(shape[0] for shape in selection.shapes.values())
    assert selection.num_selected == 4 * rows


def test_a_second_start_measures_what_is_missing(tasks, tmp_path):
    seen, _ = measure(POINTS[:2], {}, tmp_path)
    before = seen[-1]
    tasks.clear()
    seen, lines = measure(POINTS, before, tmp_path)
    assert [task['method'] for task in tasks] == ['lora', 'ours']
    assert len(lines) == 2 and len(before) == 2
    assert seen[-1][POINTS[1].key] is before[POINTS[1].key]


def test_a_selection_whose_file_is_gone_is_made_again(tasks, tmp_path):
    seen, _ = measure(POINTS[:2], {}, tmp_path)
    Place(tmp_path).selection(HOST, 1).unlink()
    tasks.clear()
    measure(POINTS[:2], seen[-1], tmp_path)
    assert [task['task'] for task in tasks] == ['select']


def test_a_failure_is_reported_and_measured_at_the_next_start(tasks, tmp_path):
    """GPS without its selection."""
    seen, lines = measure(POINTS[1:], {}, tmp_path / 'empty')
    assert POINTS[3].key not in seen[-1] and len(seen[-1]) == 2
    assert 'expected a file' in lines[-1]


def test_weights_go_to_the_architecture_that_they_belong_to(
    monkeypatch, tmp_path
):
    used = {}

    def fail(task, _module):
        used[task['host']['host']] = task['host']['checkpoint']
        raise RuntimeError('not now')

    monkeypatch.setattr(measuring, 'run_worker', fail)
    points = [Point(Host('vit-s14', 252, None), 'bias'), POINTS[1]]
    place = Place(tmp_path, checkpoint='w.safetensors')
    list(measure_missing(points, {}, place, print))
    assert used == {'vit-s14': 'w.safetensors', 'vit-tiny': None}


def test_the_process_writes_what_it_has_measured(tasks, tmp_path, monkeypatch):
    seen, _ = measure(POINTS[:2], {}, tmp_path)
    file = tmp_path / 'result.json'
    monkeypatch.setattr(sys, 'argv', ['', json.dumps(tasks[1]), str(file)])
    worker.main()
    result = json.loads(file.read_text())
    assert result['saved'] == seen[-1][POINTS[1].key]['saved']


@pytest.mark.slow
def test_a_process_of_its_own_gives_the_same_bytes(tasks, tmp_path):
    seen, _ = measure(POINTS[:2], {}, tmp_path)
    result = processes.run_worker(tasks[1], worker.__name__)
    assert result['saved'] == seen[-1][POINTS[1].key]['saved']
