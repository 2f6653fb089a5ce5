"""What MMEngine logged, read back as one history."""

import json
import math

import pytest

from gps_seg.visualization.plots.scalars import read_history, series, smooth


def train(step, loss, **more):
    return {'lr': 0.1, 'loss': loss, 'iter': step, 'step': step, **more}


def write(path, lines, end='\n'):
    path.write_text('\n'.join(json.dumps(line) for line in lines) + end)
    return path


def test_training_and_validation_are_told_apart(tmp_path):
    lines = [
        train(10, 1.0, epoch=1),
        {'mIoU': 50.0, 'Dice.polyp': 1.0, 'time': 1.0, 'step': 1},
        train(20, 0.5, epoch=2),
        {'mIoU': 60.0, 'val/loss': 1.0, 'step': 2},
    ]

    history = read_history(write(tmp_path / 's.json', lines))

    assert series(history.training, 'loss') == ([10, 20], [1.0, 0.5])
    assert series(history.validation, 'mIoU') == ([1, 2], [50, 60])
    assert history.metric_names() == ['mIoU']


@pytest.mark.parametrize(
    ('val_step', 'epoch', 'unit'),
    [
        (2, {'epoch': 2}, 'epoch'),
        (20, {'epoch': 2}, 'iteration'),  # log_metric_by_epoch=False
        (20, {}, 'iteration'),
    ],
)
def test_unit_of_the_validation_steps(tmp_path, val_step, epoch, unit):
    lines = [train(20, 1.0, **epoch), {'mIoU': 1.0, 'step': val_step}]

    assert read_history(write(tmp_path / 's.json', lines)).unit == unit


def test_steps_repeated_by_a_resume_are_replaced(tmp_path):
    first = [train(step, 1.0) for step in (10, 20, 30)]
    first += [{'mIoU': 1.0, 'step': 20}, {'mIoU': 1.0, 'step': 30}]
    second = [train(20, 2.0), {'mIoU': 2.0, 'step': 20}, train(40, 2.0)]
    files = [
        write(tmp_path / 'a.json', first),
        write(tmp_path / 'b.json', second),
    ]
    joined = write(tmp_path / 'joined.json', first + second)

    for source in (files, joined):
        history = read_history(source)
        assert series(history.training, 'loss') == ([10, 20, 40], [1, 2, 2])
        assert series(history.validation, 'mIoU') == ([20], [2])


def test_nan_and_null_are_values(tmp_path):
    lines = [train(1, math.nan), train(2, None), train(3, math.inf)]

    _, values = series(
        read_history(write(tmp_path / 's.json', lines)).training, 'loss'
    )

    assert math.isnan(values[0]) and math.isnan(values[1])
    assert values[2] == math.inf


def test_empty_file_is_an_empty_history(tmp_path):
    history = read_history(write(tmp_path / 's.json', [], end=''))

    assert history[:2] == ([], [])


def test_last_line_cut_off_is_dropped(tmp_path):
    path = write(tmp_path / 's.json', [train(1, 1.0)])
    path.write_text(path.read_text() + '{"loss": 1.0, "ste')

    assert len(read_history(path).training) == 1


def test_last_line_that_is_whole_is_kept(tmp_path):
    path = write(tmp_path / 's.json', [train(1, 1.0), train(2, 1.0)], end='')

    assert len(read_history(path).training) == 2


def test_smoothing_is_a_weighted_mean_of_the_past():
    values = [3.0, 1.0, 2.0]
    weights = [0.25, 0.5, 1.0]

    weighted = sum(w * v for w, v in zip(weights, values, strict=True))
    expected = weighted / sum(weights)

    assert smooth(values, 0.5)[-1] == pytest.approx(expected)
    assert smooth([5.0] * 4, 0.9) == pytest.approx([5.0] * 4)
    assert smooth(values, 0) == values


def test_smoothing_skips_what_is_not_finite():
    smoothed = smooth([math.nan, 1.0, math.inf, 1.0], 0.5)

    assert math.isnan(smoothed[0])
    assert smoothed[1:] == [1.0, 1.0, 1.0]


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no.json'):
        read_history(tmp_path / 'no.json')


@pytest.mark.parametrize('line', ['not json', '[1, 2]', '{"loss": 1.0}'])
def test_file_of_something_else_is_refused(tmp_path, line):
    path = tmp_path / 's.json'
    path.write_text(json.dumps(train(1, 1.0)) + f'\n{line}\n')

    with pytest.raises(ValueError, match=r's.json, line 2'):
        read_history(path)
