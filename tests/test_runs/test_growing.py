"""A whole run on small axes, and one that goes on."""

import json

import pytest

from gps_seg.benchmark.growth import Axes, Place, measuring, worker
from gps_seg.benchmark.growth.points import Host
from gps_seg.runs.growing import grow

AXES = Axes(
    depths=(1, 2),
    sizes=(32,),
    narrow='vit-tiny',
    widths=('vit-tiny',),
    size=32,
    full_depth=2,
    hosts=(Host('vit-tiny', 32, 2, (1, 2)),),
    many_images=Host('vit-tiny', 32, 2, images=2),
)
NUM_POINTS = 5 + 7


class StoppedError(Exception):
    """Stands for Ctrl-C, which would end pytest if a test failed."""


@pytest.fixture
def stops_after(monkeypatch):
    """Does so many tasks in this process, and is then stopped."""
    monkeypatch.setattr(worker, 'SECONDS', 0.0)
    allowed = []

    def run(task, _module):
        if not allowed:
            raise StoppedError
        allowed.pop()
        task = json.loads(json.dumps(task))
        result = worker.TASKS[task.pop('task')](**task)
        return json.loads(json.dumps(result))

    monkeypatch.setattr(measuring, 'run_worker', run)
    return lambda number: allowed.extend([True] * number)


def start(out, rate=200.0, checkpoint=None):
    lines = []
    place = Place(out / 'selections', checkpoint=checkpoint)
    text = grow(AXES, out, place, rate, lines.append)
    return text, lines


def test_an_interrupted_run_goes_on_and_leaves_all_results(
    stops_after, tmp_path, figures
):
    stops_after(3)
    with pytest.raises(StoppedError):
        start(tmp_path)
    content = json.loads((tmp_path / 'growth.json').read_text())
    first = content['points']
    assert len(first) == 3
    stops_after(NUM_POINTS - 3)
    text, lines = start(tmp_path)
    assert lines[0] == f'{NUM_POINTS} points, 3 measured before'
    assert len(lines) == 1 + NUM_POINTS - 3
    content = json.loads((tmp_path / 'growth.json').read_text())
    assert len(content['points']) == NUM_POINTS
    assert first.items() <= content['points'].items()
    assert content['formula']['vit-tiny, 32 px, gps'] == pytest.approx(1)
    assert 'computed' in content and 'cpu' in content
    assert text.splitlines()[-1] == str(tmp_path / 'growth.png')
    assert (tmp_path / 'growth.png').is_file()
    again, lines = start(tmp_path)  # nothing is measured
    assert again == text and len(lines) == 1


def test_results_of_other_weights_are_not_mixed(stops_after, tmp_path):
    stops_after(1)
    with pytest.raises(StoppedError):
        start(tmp_path)
    before = (tmp_path / 'growth.json').read_bytes()
    with pytest.raises(ValueError, match=r'checkpoint a\.pth, got None'):
        start(tmp_path, checkpoint='a.pth')
    assert (tmp_path / 'growth.json').read_bytes() == before


def test_a_run_without_any_result_says_so(monkeypatch, tmp_path):
    def fail(_task, _module):
        raise RuntimeError('exit status 1: no memory')

    monkeypatch.setattr(measuring, 'run_worker', fail)
    with pytest.raises(RuntimeError, match='expected one or more'):
        start(tmp_path)


def test_a_rate_is_positive(tmp_path):
    with pytest.raises(ValueError, match='rate: expected a positive'):
        start(tmp_path, rate=0.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('content', ['{"points": {', '[]', '{}', '\x00'])
def test_a_damaged_file_is_named_and_kept(tmp_path, content):
    file = tmp_path / 'growth.json'
    file.write_text(content)
    with pytest.raises(ValueError, match='damaged or foreign.*growth.json'):
        start(tmp_path)
    assert file.read_text() == content
