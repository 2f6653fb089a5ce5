"""The lines of progress, with a clock that is set by hand."""

import io
from types import SimpleNamespace

import pytest
from mmengine.logging import HistoryBuffer
from mmengine.runner import EpochBasedTrainLoop

from gps_seg.engine import DeltaHook
from gps_seg.runs.console.console_hook import ConsoleHook
from gps_seg.runs.console.screen import Console
from gps_seg.text import clock


@pytest.fixture
def now(monkeypatch):
    moment = [0.0]
    monkeypatch.setattr(clock.time, 'monotonic', lambda: moment[0])
    return moment


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def hook(screen, now):
    return ConsoleHook(Console(stream=screen), 'Training')


def runner_of(**settings):
    scalars = {
        'train/loss': HistoryBuffer([1.0, 2.0], [1, 1]),
        'train/lr': HistoryBuffer([0.1, 0.001], [1, 1]),
    }
    return SimpleNamespace(
        iter=0,
        max_iters=240,
        max_epochs=6,
        train_dataloader=range(40),
        val_dataloader=range(15),
        test_dataloader=range(8),
        train_loop=None,
        hooks=[DeltaHook(1, save_best='mIoU')],
        message_hub=SimpleNamespace(log_scalars=scalars),
        _resume=False,
        _load_from='w/resume.pth',
        **settings,
    )


def train(hook, runner, now, iterations, seconds):
    hook.before_train(runner)
    for _ in range(iterations):
        hook.before_train_iter(runner, runner.iter)
        now[0] += seconds
        hook.after_train_iter(runner, runner.iter)
        runner.iter += 1


def test_training_is_reported_each_fifteen_seconds(hook, screen, now):
    train(hook, runner_of(), now, iterations=12, seconds=3)
    assert screen.getvalue().splitlines() == [
        'Training: iteration 5/240, loss 1.5000, lr 1.0e-03, 0:11:45 left',
        'Training: iteration 10/240, loss 1.5000, lr 1.0e-03, 0:11:30 left',
    ]


def test_the_selection_is_no_training_time(hook, screen, now):
    runner = runner_of()
    hook.before_train(runner)
    now[0] += 1000  # the PeftHook selects
    train(hook, runner, now, iterations=5, seconds=3)
    assert '0:11:45 left' in screen.getvalue()


def test_epochs_are_counted(hook, screen, now):
    runner = runner_of()
    runner.train_loop = object.__new__(EpochBasedTrainLoop)
    runner.iter, runner.max_iters = 79, 84
    train(hook, runner, now, iterations=2, seconds=20)
    first, second = screen.getvalue().splitlines()
    assert first.startswith('Training: epoch 2/6, iteration 80/84, ')
    assert second.startswith('Training: epoch 3/6, iteration 81/84, ')


def test_a_resumed_run_starts_its_clock_anew(hook, screen, now):
    runner = runner_of()
    runner._resume, runner.iter = True, 200
    train(hook, runner, now, iterations=1, seconds=20)
    first, second = screen.getvalue().splitlines()
    assert first == (
        'Resuming at iteration 200/240 from w/resume.pth: weights, selection, '
        'optimizer and schedule are restored.'
    )
    assert second.endswith('0:13:00 left')


def test_a_long_validation_is_reported_and_a_short_one_not(hook, screen, now):
    runner = runner_of()
    for seconds in (0.5, 6):
        hook.before_val_epoch(runner)
        for batch in range(15):
            now[0] += seconds
            hook.after_val_iter(runner, batch)
    assert screen.getvalue().splitlines() == [
        'Validation: batch 3/15, 0:01:12 left',
        'Validation: batch 6/15, 0:00:54 left',
        'Validation: batch 9/15, 0:00:36 left',
        'Validation: batch 12/15, 0:00:18 left',
        'Validation: batch 15/15, 0:00:00 left',
    ]


def test_the_scores_of_a_validation_and_the_best(hook, screen):
    runner = runner_of()
    hook.before_train(runner)
    for runner.iter, score in ((120, 50.0), (240, 40.0)):
        metrics = {'aAcc': 90.0, 'mIoU': score, 'IoU.polyp': 1.0}
        hook.after_val_epoch(runner, metrics)
    assert screen.getvalue().splitlines() == [
        'Validation after iteration 120/240: mIoU 50.00, aAcc 90.00, '
        'the best so far',
        'Validation after iteration 240/240: mIoU 40.00, aAcc 90.00',
    ]


def test_a_test_is_reported(hook, screen, now):
    runner = runner_of()
    hook.before_test_epoch(runner)
    now[0] += 20
    hook.after_test_iter(runner, 0)
    assert screen.getvalue() == 'Test: batch 1/8, 0:02:20 left\n'
    assert hook.begun
