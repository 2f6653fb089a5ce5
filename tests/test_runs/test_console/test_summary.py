"""The last lines of a training."""

import sys
from types import SimpleNamespace

import pytest
from torch import nn

from gps_seg.command_line.next_steps import tool_command
from gps_seg.runs.console.scores import BestScore
from gps_seg.runs.console.summary import summarize


@pytest.mark.parametrize(
    ('script', 'command'),
    [
        ('tools/train.py', 'python tools/test.py'),
        ('/my files/tools/train.py', "python '/my files/tools/test.py'"),
        ('/env/gps_seg/.mim/tools/train.py', 'gps-seg test'),
        ('/env/bin/jupyter', 'gps-seg test'),
    ],
)
def test_the_next_tool_is_started_as_this_one(monkeypatch, script, command):
    monkeypatch.setattr(sys, 'argv', [script, 'config.py'])
    assert tool_command('test') == command


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """A run of plain MMSegmentation, with one checkpoint."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['tools/train.py'])
    last = tmp_path / 'w/iter_4.pth'
    last.parent.mkdir()
    last.write_bytes(b'x' * 5000)
    (tmp_path / 'w/mine.py').touch()
    return SimpleNamespace(
        model=nn.Linear(2, 3),
        hooks=[],
        work_dir=str(tmp_path / 'w'),
        log_dir=str(tmp_path / 'w/now'),
        timestamp='now',
        cfg=SimpleNamespace(filename='configs/mine.py'),
        message_hub=SimpleNamespace(runtime_info={'last_ckpt': str(last)}),
    )


def test_a_run_without_deltas_names_its_checkpoint(runner):
    runner.model.bias.requires_grad_(False)
    text = summarize(runner, None, 61.4)
    assert text.startswith('\nFinished in 0:01:01.\n')
    assert '  trained  6 of 9 values (66.67 %): 6 other\n' in text
    assert '    iter_4.pth      5 kB  weights of the whole model\n' in text
    assert text.endswith('python tools/test.py w/mine.py w/iter_4.pth')
    assert 'score' not in text
    assert 'share' not in text


@pytest.mark.parametrize(
    ('last', 'value', 'iteration', 'lines'),
    [
        (70.0, 70.0, 4, ['score    mIoU 70.00 (the best of the run)']),
        (
            *(60.0, 70.0, 2),
            ['score    mIoU 60.00', 'best     mIoU 70.00 at iteration 2'],
        ),
        (
            *(60.0, 70.0, 0),
            [
                'score    mIoU 60.00',
                'best     mIoU 70.00 before the run was resumed',
            ],
        ),
    ],
)
def test_best_and_last_score(runner, last, value, iteration, lines):
    best = BestScore('mIoU', 'greater', value)
    best.last, best.iteration = {'mIoU': last}, iteration
    shown = [line.strip() for line in summarize(runner, best, 1).splitlines()]
    start = shown.index(lines[0])
    assert shown[start : start + len(lines)] == lines
    assert shown[start + len(lines)].startswith('trained')


def test_the_delta_of_the_best_validation_is_tested_next(runner, tmp_path):
    for name in ('delta', 'best_delta'):
        (tmp_path / f'w/{name}.safetensors').write_bytes(bytes(1_234_000))
    text = summarize(runner, None, 1)
    test, share = text.splitlines()[-2:]
    assert test.endswith('test.py w/mine.py w/best_delta.safetensors')
    assert share.strip() == (
        'python tools/share.py w/best_delta.safetensors --out w/shared'
    )
    assert 'best_delta.safetensors   1.23 MB' in text


def test_the_page_of_the_run_is_named(runner, tmp_path):
    assert 'report' not in summarize(runner, None, 1)
    (tmp_path / 'w/report.html').touch()
    assert '\n  report   w/report.html\n' in summarize(runner, None, 1)
