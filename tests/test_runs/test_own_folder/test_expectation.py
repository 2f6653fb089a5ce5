# Copyright (c) gps_seg contributors. Apache-2.0.
"""Time and memory that a training will take, from a few of its steps."""

import pytest
from mmengine.config import Config

from gps_seg.runs.own_folder import expectation
from gps_seg.runs.own_folder.plan import Plan

PLAN = Plan(
    size=(8, 8),
    batch=4,
    accumulation=2,
    half=None,
    steps=100,
    select_from=40,
    val_batch=1,
    most_pixels=None,
)
COSTS = dict(
    pass_seconds=3.0, step_seconds=0.5, test_seconds=0.1, peak_bytes=7
)


def config(**loss):
    hook = dict(type='PeftHook', method=dict(type='gps'), max_batches=10)
    if loss:
        hook['loss'] = loss
    return Config(dict(custom_hooks=[hook]))


@pytest.fixture
def measured(monkeypatch):
    """What a worker gets; it answers with ``COSTS``."""
    configs = []

    def run_worker(task, module):
        configs.append(Config.fromfile(task['config']))
        return COSTS

    monkeypatch.setattr(expectation, 'run_worker', run_worker)
    return configs


def test_selection_steps_and_validations_add_up(measured):
    expected = expectation.measure(config(), PLAN, num_validation=20)
    # 10 batches of the pass, 200 iterations, 5 validations of 20 images.
    assert expected.seconds == pytest.approx(30 + 100 + 10)
    assert expected.peak_bytes == 7
    assert measured[0].custom_hooks[0].max_batches == 1


def test_a_warm_up_is_measured_by_one_of_its_steps(measured):
    loss = dict(type='task', warmup=60, warm='whole')
    expected = expectation.measure(config(**loss), PLAN, num_validation=20)
    # A batch and a step take 3 seconds together: 10 and 60 of them.
    assert expected.seconds == pytest.approx(1.5 * 70 + 100 + 10)
    assert measured[0].custom_hooks[0].loss.warmup == 1


def test_the_config_itself_stays(measured):
    own = config(type='task', warmup=60)
    expectation.measure(own, PLAN, num_validation=1)
    assert own.custom_hooks[0].max_batches == 10
    assert own.custom_hooks[0].loss.warmup == 60


@pytest.mark.parametrize(
    ('last_line', 'error', 'words'),
    [
        ('CUDA out of memory. Tried ...', MemoryError, 'CUDA out'),
        (
            'FileNotFoundError: weights://x: expected a file',
            ValueError,
            '^weights://x: expected',
        ),
        ('KeyError: 3', ValueError, 'plan: expected .* got: KeyError: 3'),
    ],
)
def test_a_failed_step_says_why(monkeypatch, last_line, error, words):
    def run_worker(*_):
        raise RuntimeError(f'exit status 1: {last_line}')

    monkeypatch.setattr(expectation, 'run_worker', run_worker)
    with pytest.raises(error, match=words):
        expectation.measure(config(), PLAN, num_validation=1)


@pytest.mark.slow
def test_a_real_task_is_measured(tmp_path, photos, small_encoder):
    from gps_seg.runs.own_folder import new_task
    from gps_seg.runs.own_folder.starting import Choices

    said = []
    new_task(
        tmp_path / 'task',
        photos.images,
        photos.masks,
        Choices(),
        say=said.append,
    )
    assert 'expected    about' in said[-1]
