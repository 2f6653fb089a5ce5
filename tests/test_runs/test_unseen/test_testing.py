# Copyright (c) gps_seg contributors. Apache-2.0.
"""tools/test.py --unseen from the command line to its tables and pictures.

The base of the demo, a task whose head is new, and three data sets: the own
test images, one more image than these elsewhere, and damaged copies.
"""

import csv
import json
import re
import shutil

import cv2
import numpy as np
import pytest
import torch
from added_tasks import delta_by_adding, folded_by_hand
from demo_tasks import HEAD, INFO, DemoTasks
from run_tool import error_of_tool, run_tool

from gps_seg.delta import Delta
from gps_seg.engine import build_base
from gps_seg.runs.launch import load_config
from gps_seg.runs.scoring.data_sets import open_sets
from gps_seg.runs.scoring.ensembles import score_all, score_between
from gps_seg.runs.unseen import testing
from gps_seg.text import clock

UNSEEN = """
_base_ = './config.py'
load, *others = _base_.test_pipeline
blur = [load, dict(type='Corrupt', kind='blur', severity=1), *others]
worse = [load, dict(type='Corrupt', kind='blur', severity=5), *others]
unseen = {
    'blur-1': dict(pipeline=blur),
    'blur-5': dict(pipeline=worse),
    'clinic': dict(
        type='PolypDataset',
        data_root='%s',
        ann_file='splits/all.txt',
        data_prefix=_base_.prefix,
        pipeline=_base_.test_pipeline,
    ),
}
"""
METRICS = {'Dice': 'image_mDice', 'IoU': 'image_mIoU'}
POOLED = ('mDice', 'mIoU')


@pytest.fixture(scope='module')
def tasks(tmp_path_factory):
    tasks = DemoTasks(tmp_path_factory.mktemp('tasks'))
    draw_clinic(tasks.folder / 'clinic')
    tasks.unseen = tasks.folder / 'unseen.py'
    tasks.unseen.write_text(UNSEEN % (tasks.folder / 'clinic'))
    return tasks


def draw_clinic(folder):
    """Four images of two videos, darker than those of the demo's test."""
    rng = np.random.default_rng(1)
    for part in ('images', 'masks', 'splits'):
        (folder / part).mkdir(parents=True)
    names = [f'frame{i}' for i in range(4)]
    for number, name in enumerate(names):
        image = rng.integers(0, 60 * (1 + number), (112, 112, 3), np.uint8)
        mask = (image[..., 0] > 30).astype(np.uint8)
        cv2.imwrite(str(folder / f'images/{name}.jpg'), image)
        cv2.imwrite(str(folder / f'masks/{name}.png'), mask)
    (folder / 'splits/all.txt').write_text('\n'.join(names))
    rows = [f'{n},{i // 2}' for i, n in enumerate(names)]
    text = '\n'.join(['image,group', *rows])
    (folder / 'splits/sequences.csv').write_text(text)


@pytest.fixture(autouse=True)
def _coarse(coarse_pictures):
    """Draw few pixels."""


def run(tasks, folder, *arguments, weights=None):
    run_tool(
        *('test.py', tasks.unseen, weights or tasks.one),
        *('--work-dir', folder, '--traceback', *arguments),
    )


@pytest.fixture(scope='module')
def tested(tasks):
    """Folder of a test on all sets, with two ensembles."""
    folder = tasks.folder / 'tested'
    run(tasks, folder, '--unseen', '--alphas', 0, 0.5)
    return folder / 'unseen'


@pytest.fixture(scope='module')
def summary(tested):
    return json.loads((tested / 'summary.json').read_text())


def plain_metrics(tasks, folder, weights, **settings):
    """The scores that tools/test.py alone reports for one data set."""
    options = [
        f'test_dataloader.dataset.{key}={value}'
        for key, value in settings.items()
    ]
    run_tool(
        *('test.py', tasks.config, weights, '--work-dir', folder),
        *(['--cfg-options', *options] if options else []),
    )
    return json.loads((folder / 'test_metrics.json').read_text())


def test_own_and_unseen_scores_are_those_of_a_plain_test(
    tasks, summary, tmp_path
):
    clinic = dict(data_root=tasks.folder / 'clinic', ann_file='splits/all.txt')
    rows = {row['set']: row for row in summary['sets']}
    assert list(rows) == ['test', 'blur-1', 'blur-5', 'clinic']
    for name, settings in {'test': {}, 'clinic': clinic}.items():
        found = plain_metrics(tasks, tmp_path / name, tasks.one, **settings)
        for metric, key in METRICS.items():
            mean = rows[name]['per_image'][metric]['mean']
            assert mean == pytest.approx(found[key], abs=1e-4), (name, key)
        for key in POOLED:
            score = rows[name]['pooled'][key]
            assert score == pytest.approx(found[key], abs=1e-4), (name, key)
    assert [rows[name]['images'] for name in rows] == [3, 3, 3, 4]
    assert [rows[name]['groups'] for name in rows] == [3, 3, 3, 2]


def test_changes_are_paired_where_the_images_are_the_same(tested, summary):
    scores = json.loads((tested / 'scores.json').read_text())['1.0']
    own, *others = summary['sets']
    assert own['change'] is None
    mean = np.mean(scores['test']['per_image']['Dice'])
    for row in others:
        dice = np.array(scores[row['set']]['per_image']['Dice'])
        change = row['change']
        assert change['mean'] == pytest.approx(dice.mean() - mean)
        assert change['low'] <= change['mean'] <= change['high']
        assert change['paired'] == (row['set'] != 'clinic')


def test_at_alpha_0_the_base_keeps_the_head_of_the_task(
    tasks, tested, tmp_path
):
    tuned = tasks.tuned['one']
    mixed = {
        n: tuned[n] if n.startswith(HEAD) else t for n, t in tasks.base.items()
    }
    torch.save({'state_dict': mixed}, tmp_path / 'base.pth')
    expected = plain_metrics(tasks, tmp_path / 'out', tmp_path / 'base.pth')
    scores = json.loads((tested / 'scores.json').read_text())
    assert set(scores) == {'1.0', '0.0', '0.5'}
    at_0 = scores['0.0']['test']['per_image']['Dice']
    assert np.mean(at_0) == pytest.approx(expected['image_mDice'], abs=1e-4)
    assert at_0 != scores['1.0']['test']['per_image']['Dice']


def test_half_way_is_the_mean_of_the_weights(tasks, tested, tmp_path):
    tuned = tasks.tuned['one']
    mixed = {
        n: tuned[n] if n.startswith(HEAD) else (t.double() + tuned[n]) / 2
        for n, t in tasks.base.items()
    }
    mixed = {n: t.to(tasks.base[n].dtype) for n, t in mixed.items()}
    torch.save({'state_dict': mixed}, tmp_path / 'half.pth')
    expected = plain_metrics(tasks, tmp_path / 'out', tmp_path / 'half.pth')
    scores = json.loads((tested / 'scores.json').read_text())['0.5']
    dice = np.mean(scores['test']['per_image']['Dice'])
    assert dice == pytest.approx(expected['image_mDice'], abs=1e-4)


def test_alpha_1_scores_as_the_tuned_model(tasks, tested):
    config, delta = load_config(str(tasks.config)), Delta.load(tasks.one)
    data = open_sets(config, {'test': None}, ('test_dataloader',))
    batches = []
    found = score_between(
        build_base(config), delta, [1.0], data, lambda: batches.append(1)
    )
    assert len(batches) == 2  # of two images and of one
    base = score_all(build_base(config), data)
    scores = json.loads((tested / 'scores.json').read_text())['1.0']
    expected = scores['test']['per_image']
    assert found[1.0]['test'].per_image == expected
    assert base['test'].per_image != expected


def test_every_format_has_the_same_numbers(tested, summary, capsys):
    with (tested / 'table.csv').open(newline='') as file:
        lines = list(csv.DictReader(file))
    text = (tested / 'table.md').read_text()
    for row, line in zip(summary['sets'], lines, strict=True):
        assert line['set'] == row['set']
        dice = row['per_image']['Dice']
        for end in ('mean', 'low', 'high'):
            assert float(line[f'Dice per image {end}']) == dice[end]
        cell = f'{dice["mean"]:.2f} [{dice["low"]:.2f}, {dice["high"]:.2f}]'
        assert f'| {row["set"]} | ' in text
        assert cell in text
        for metric in POOLED:
            assert float(line[metric]) == row['pooled'][metric]
    assert [line['severity'] for line in lines] == ['', '1', '5', '']
    assert [line['groups'] for line in lines] == ['3', '3', '3', '2']
    for row, line in zip(summary['ensembles'], lines, strict=True):
        for alpha, score in row['scores']:
            assert float(line[f'Dice at alpha {alpha:g}']) == score
    assert '4 in 2 groups' in text
    assert 'keep their tuned values at every alpha' in text
    assert summary['new_tensors']
    assert all(name.startswith(HEAD) for name in summary['new_tensors'])


def test_pictures_come_as_png_and_svg(tested):
    pictures = sorted(p.name for p in tested.iterdir() if p.suffix != '.csv')
    assert pictures == [
        'ensembles.png',
        'ensembles.svg',
        'scores.json',
        'severities.png',
        'severities.svg',
        'summary.json',
        'table.md',
        'unseen.png',
        'unseen.svg',
    ]


def test_a_name_chooses_sets_and_pictures_of_an_earlier_test_go(
    tasks, tested, tmp_path, capsys
):
    shutil.copytree(tested, tmp_path / 'unseen')
    run(tasks, tmp_path, '--unseen', 'clinic')
    summary = json.loads((tmp_path / 'unseen/summary.json').read_text())
    assert [row['set'] for row in summary['sets']] == ['test', 'clinic']
    assert summary['ensembles'] is None
    names = {path.stem for path in (tmp_path / 'unseen').glob('*.png')}
    assert names == {'unseen'}
    printed = capsys.readouterr().out
    assert 'test 3, clinic 4' in printed
    line = next(li for li in printed.splitlines() if li.startswith('clinic'))
    change = summary['sets'][1]['change']
    assert f'{change["mean"]:+.2f} [{change["low"]:+.2f}, ' in line


def test_a_checkpoint_scores_as_the_delta(tasks, tested, tmp_path):
    torch.save({'state_dict': tasks.tuned['one']}, tmp_path / 'tuned.pth')
    run(tasks, tmp_path, '--unseen', 'blur-*', weights=tmp_path / 'tuned.pth')
    names = ['test', 'blur-1', 'blur-5']
    found, expected = (
        json.loads((folder / 'scores.json').read_text())['1.0']
        for folder in (tmp_path / 'unseen', tested)
    )
    assert found == {name: expected[name] for name in names}


@pytest.fixture(scope='module')
def low_rank(tasks):
    """File of a task whose method adds modules, and the tuned model."""
    base = build_base(load_config(str(tasks.config)))
    delta, tuned = delta_by_adding(base, 'low_rank', INFO)
    path = tasks.folder / 'low_rank.safetensors'
    delta.save(path)
    return path, tuned


def test_what_a_method_adds_is_tested_too(tasks, low_rank, tmp_path):
    path, tuned = low_rank
    torch.save({'state_dict': folded_by_hand(tuned)}, tmp_path / 'plain.pth')
    plain = tmp_path / 'plain.pth'
    expected = plain_metrics(tasks, tmp_path / 'out', plain)
    run(tasks, tmp_path, '--unseen', 'clinic', weights=path)
    summary = json.loads((tmp_path / 'unseen/summary.json').read_text())
    dice = summary['sets'][0]['per_image']['Dice']['mean']
    # Rounding of the folded weights may change the class of a pixel.
    assert dice == pytest.approx(expected['image_mDice'], abs=0.1)


def test_the_time_left_is_told_on_the_way(
    tasks, tmp_path, monkeypatch, capsys
):
    seconds = iter(range(0, 10**6, 20))
    monkeypatch.setattr(clock.time, 'monotonic', lambda: next(seconds))
    run(tasks, tmp_path, '--unseen', 'clinic', '--alphas', 0.5)
    lines = re.findall(r'Test: batch (\d)/8, 0:0\d:\d\d left', out(capsys))
    # Two batches of the own images and two of the others, at each alpha.
    assert lines == list('12345678')


def out(capsys):
    return capsys.readouterr().out


@pytest.fixture
def _no_model(monkeypatch):
    def build(*_):
        raise AssertionError('a model was built')

    monkeypatch.setattr(testing, 'build_base', build)
    monkeypatch.setattr(testing, 'build_tuned', build)


@pytest.mark.usefixtures('_no_model')
def test_all_missing_folders_are_named_before_a_model_is_built(
    tasks, tmp_path, capsys
):
    error = error_of_tool(
        *(capsys, 'test.py', tasks.unseen, tasks.one),
        *('--work-dir', tmp_path / 'out', '--unseen', '--cfg-options'),
        *('unseen.clinic.data_root=not/there', 'unseen.b.data_root=nor/here'),
    )
    assert 'expected the files of all 5, got not all of ' in error
    assert 'not/there (clinic); nor/here (b).' in error
    assert 'Those that are there: test, blur-1, blur-5.' in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / 'out').exists()


@pytest.mark.usefixtures('_no_model')
def test_an_image_without_a_group_is_named_before_a_model_is_built(
    tasks, tmp_path, capsys
):
    draw_clinic(tmp_path / 'clinic')
    table = tmp_path / 'clinic/splits/sequences.csv'
    table.write_text('image,group\nframe0,0\nframe1,0\nframe2,1\n')
    error = error_of_tool(
        *(capsys, 'test.py', tasks.unseen, tasks.one),
        *('--work-dir', tmp_path / 'out', '--unseen', 'clinic'),
        *('--cfg-options', f'unseen.clinic.data_root={tmp_path / "clinic"}'),
    )
    assert 'sequences.csv of clinic' in error and 'frame3' in error
    assert not (tmp_path / 'out').exists()


@pytest.mark.usefixtures('_no_model')
@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--unseen', 'blurr-1'], "clinic, got 'blurr-1'. Did you mean 'blur"),
        (['--unseen', '--tta'], 'expected no --tta beside it'),
        (['--unseen', '--show-dir', 'x'], 'expected no --show-dir beside it'),
        (['--unseen', '--launcher', 'pytorch'], 'expected no --launcher'),
        (['--alphas', '0.5'], '--alphas: expected --unseen beside it'),
        (
            ['--unseen', '--cfg-options', 'unseen.test.ann_file=a.txt'],
            "names of other data sets, got 'test'",
        ),
    ],
)
def test_wrong_options_are_told_in_one_line(
    tasks, tmp_path, capsys, arguments, words
):
    error = error_of_tool(
        *(capsys, 'test.py', tasks.unseen, tasks.one),
        *('--work-dir', tmp_path / 'out', *arguments),
    )
    assert words in error
    assert len(error.splitlines()) == 1


@pytest.mark.usefixtures('_no_model')
def test_a_config_without_unseen_sets_is_told_how_to_add_one(
    tasks, tmp_path, capsys
):
    error = error_of_tool(
        *(capsys, 'test.py', tasks.config, tasks.one),
        *('--work-dir', tmp_path / 'out', '--unseen'),
    )
    assert len(error.splitlines()) == 1
    assert '--cfg-options unseen.NAME.data_root=FOLDER' in error
    assert 'configs/_base_/datasets/unseen_polyps.py' in error


def test_a_set_of_the_command_line_is_like_the_own_one(tasks, tmp_path):
    run_tool(
        *('test.py', tasks.config, tasks.one, '--work-dir', tmp_path),
        *('--unseen', '--cfg-options'),
        f'unseen.clinic.data_root={tasks.folder / "clinic"}',
        'unseen.clinic.ann_file=splits/all.txt',
    )
    summary = json.loads((tmp_path / 'unseen/summary.json').read_text())
    sizes = {row['set']: row['images'] for row in summary['sets']}
    assert sizes == {'test': 3, 'clinic': 4}


@pytest.mark.usefixtures('_no_model')
def test_what_a_method_adds_has_no_ensembles(
    tasks, low_rank, tmp_path, capsys
):
    error = error_of_tool(
        *(capsys, 'test.py', tasks.unseen, low_rank[0]),
        *('--work-dir', tmp_path / 'out', '--unseen', '--alphas', 0.5),
    )
    assert error.startswith('test.py: --alphas: expected deltas that change')
    assert 'tools/delta.py merge' in error
    assert len(error.splitlines()) == 1


@pytest.mark.usefixtures('_no_model')
def test_a_checkpoint_has_no_ensembles(tasks, tmp_path, capsys):
    torch.save({'state_dict': tasks.tuned['one']}, tmp_path / 'tuned.pth')
    error = error_of_tool(
        *(capsys, 'test.py', tasks.unseen, tmp_path / 'tuned.pth'),
        *('--work-dir', tmp_path / 'out', '--unseen', '--alphas', 0.5),
    )
    assert 'tools/delta.py extract' in error
