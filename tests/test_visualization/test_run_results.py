"""Tables of finished runs."""

import json

import pytest

from gps_seg.visualization.run_results import (
    method_name,
    read_run,
    results_table,
)

METRICS = ('image_mDice',)


@pytest.fixture
def finished(tmp_path):
    def write(name, method, seed, dice):
        folder = tmp_path / name
        scalars = folder / '20260101_000000' / 'vis_data'
        scalars.mkdir(parents=True)
        trained = {'method': method, 'selected': 3, 'whole': 7, 'all': 1000}
        (folder / 'trained.json').write_text(json.dumps(trained))
        (folder / 'environment.json').write_text(json.dumps({'seed': seed}))
        lines = [{'image_mDice': 1.0, 'step': 1}]
        lines.append({'image_mDice': dice, 'step': 2})
        (scalars / 'scalars.json').write_text(
            ''.join(json.dumps(line) + '\n' for line in lines)
        )
        return folder

    return write


def test_runs_of_one_method_are_seeds_and_of_another_k_a_row(finished):
    gps = {'type': 'gps', 'k': 1}
    runs = [
        read_run(finished('a', gps, 0, 80.0)),
        read_run(finished('b', gps, 1, 83.0)),
        read_run(finished('c', {'type': 'gps', 'k': 2}, 0, 70.0)),
    ]
    header, _, *rows = results_table(runs, METRICS).splitlines()
    assert header == '| method | trained | % | image_mDice | seeds |'
    assert rows == [
        '| gps k=1 | 10 | 1.00 | 81.5 (80.0 .. 83.0) | 0, 1 |',
        '| gps k=2 | 10 | 1.00 | 70.0 (70.0 .. 70.0) | 0 |',
    ]


def test_the_name_tells_every_setting():
    assert method_name({'type': 'bias'}) == 'bias'
    method = {'type': 'gps', 'k': 5, 'score': 'random'}
    assert method_name(method) == 'gps k=5 score=random'


def test_an_unfinished_run_is_an_error(finished, tmp_path):
    folder = finished('a', {'type': 'bias'}, 0, 80.0)
    (folder / 'trained.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'trained\.json'):
        read_run(folder)
