"""Tables of finished runs."""

import json

import pytest
import torch
from run_tool import error_of_tool, run_tool

from gps_seg.evaluation import DiceIoUMetric
from gps_seg.text.scores import METRICS
from gps_seg.text.short import method_text
from gps_seg.visualization.plots.run_results import (
    check_metrics,
    read_run,
    results_table,
)

SCORES = {'mDice': 60.0, 'mIoU': 55.0}


@pytest.fixture
def finished(tmp_path):
    def write(name, method, seed, dice, iou=70.0):
        folder = tmp_path / name
        scalars = folder / '20260101_000000' / 'vis_data'
        scalars.mkdir(parents=True)
        trained = {'method': method, 'selected': 3, 'whole': 7, 'all': 1000}
        (folder / 'trained.json').write_text(json.dumps(trained))
        (folder / 'environment.json').write_text(json.dumps({'seed': seed}))
        lines = [
            {'image_mDice': 1.0, 'image_mIoU': 0.9, **SCORES, 'step': 1},
            {'image_mDice': dice, 'image_mIoU': iou, **SCORES, 'step': 2},
        ]
        (scalars / 'scalars.json').write_text(
            ''.join(json.dumps(line) + '\n' for line in lines)
        )
        return folder

    return write


def test_runs_of_one_method_are_seeds_and_of_another_k_a_row(finished):
    gps = {'type': 'gps', 'k': 1}
    runs = [
        read_run(finished('a', gps, 0, 80.0)),
        read_run(finished('b', gps, 1, 82.0)),
        read_run(finished('c', {'type': 'gps', 'k': 2}, 0, 70.0)),
    ]
    metrics = ['mIoU', 'image_mDice']
    lines = results_table(runs, metrics).splitlines()
    header, _, *rows = map(cells, lines)
    assert header == ['method', 'trained', '% trained', *metrics, 'seeds']
    mean = '55.0 (55.0 .. 55.0)'
    assert rows == [
        ['gps k=1', '10', '1.00', mean, '81.0 (80.0 .. 82.0)', '0, 1'],
        ['gps k=2', '10', '1.00', '55.0', '70.0', '0'],
    ]


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_the_name_tells_every_setting():
    assert method_text({'type': 'bias'}) == 'bias'
    method = {'type': 'gps', 'k': 5, 'score': 'random'}
    assert method_text(method) == 'gps k=5 score=random'


def test_an_unfinished_run_is_an_error(finished, tmp_path):
    folder = finished('a', {'type': 'bias'}, 0, 80.0)
    (folder / 'trained.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'trained\.json'):
        read_run(folder)


def test_dice_and_iou_that_cannot_be_of_the_same_images_are_refused(
    finished, capsys
):
    folder = finished('a', {'type': 'bias'}, 0, 88.1, iou=72.5)

    error = error_of_tool(capsys, 'report.py', folder)

    assert 'expected Dice from 72.5 to 84.1' in error
    assert f'got 88.1 ({folder})' in error


@pytest.mark.parametrize(
    ('lines', 'found'),
    [
        ([], 'got no validation'),
        ([{'lr': 0.1, 'iter': 1, 'step': 1}], 'got no validation'),
        ([{'accuracy/top1': 50.0, 'step': 1}], 'got accuracy/top1'),
        # MMSegmentation's own metric shares a name with ours.
        ([{'aAcc': 9.0, 'mIoU': 5.0, 'step': 1}], 'got aAcc, mIoU'),
        (
            [
                {'image_mDice': 1.0, 'image_mIoU': 1.0, **SCORES, 'step': 1},
                {'mIoU': 5, 'step': 2},
            ],
            'got mIoU',
        ),
    ],
)
def test_other_metrics_are_told(finished, lines, found):
    folder = finished('a', {'type': 'bias'}, 0, 80.0)
    (scalars,) = folder.glob('*/vis_data/scalars.json')
    scalars.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    with pytest.raises(ValueError, match=f'{found} .*/a.*DiceIoUMetric'):
        read_run(folder)


def test_a_validation_by_the_metric_of_this_package_passes():
    metric = DiceIoUMetric()
    metric.dataset_meta = {'classes': ('background', 'polyp')}
    label = {'data': torch.ones(1, 2, 2, dtype=torch.long)}
    sample = {'pred_sem_seg': label, 'gt_sem_seg': label}
    metric.process(None, [sample])
    check_metrics(metric.evaluate(size=1), 'run')
    assert len(METRICS) == 4


def test_the_tool_prints_a_row_for_each_method(finished, capsys):
    folders = [finished(name, {'type': name}, 0, 80.0) for name in ('a', 'b')]
    run_tool('report.py', *folders)
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert all(f' {name} ' in header for name in METRICS)
    assert [row.split()[1] for row in rows] == ['a', 'b']
