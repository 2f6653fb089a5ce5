# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is hashed of a run, and a run that is stopped and continued."""

import copy
from dataclasses import replace

import pytest
import torch
from mmengine.runner import ValLoop
from safetensors.torch import load_file
from toy_run import run as toy_run

from gps_seg.engine import PeftOptimWrapper
from gps_seg.runs.comparing import running
from gps_seg.runs.comparing.jobs import Job
from gps_seg.runs.comparing.running import run_job
from gps_seg.runs.comparing.treatment_hook import TreatmentHook, head_digest
from gps_seg.runs.comparing.variants import Variant


@pytest.fixture
def job_of(demo_config, tmp_path):
    """Function that makes a run of two steps, with a state after each."""

    def make(name, **overrides):
        base = copy.deepcopy(demo_config)
        base.merge_from_dict(overrides)
        folder = tmp_path / name
        return Job(Variant('gps'), 0, None, folder, base, is_tuning=False)

    return make


@pytest.fixture
def train(job_of):
    def run(name, **overrides):
        job = job_of(name, **overrides)
        run_job(job, {}, [])
        return job.record

    return run


CHANGES = {
    'augmentation': {'train_dataloader.dataset.pipeline.2.prob': 0.0},
    'order': {'train_dataloader.sampler.shuffle': False},
}


def test_other_augmentation_or_order_changes_the_batches(train):
    plain = train('plain').treatment
    assert train('again').treatment == plain
    for name, change in CHANGES.items():
        other = train(name, **change).treatment
        assert other['batches'] != plain['batches'], name
        assert other['head'] == plain['head']


class StoppedError(Exception):
    pass


def test_a_stopped_run_ends_as_one_that_was_not_stopped(
    train, job_of, monkeypatch
):
    steps = []
    plain_hook = TreatmentHook.before_train_iter

    def before_train_iter(hook, runner, batch_idx, data_batch=None):
        steps.append(runner.iter)
        if steps == [0, 1]:
            raise StoppedError
        plain_hook(hook, runner, batch_idx, data_batch)

    monkeypatch.setattr(TreatmentHook, 'before_train_iter', before_train_iter)
    with pytest.raises(StoppedError):
        train('stopped')
    folder = job_of('stopped').folder
    assert (folder / 'resume.pth').is_file()
    assert not (folder / 'record.json').exists()
    found = train('stopped')
    assert steps == [0, 1, 1]  # it went on from the first state
    whole = train('whole')
    assert found.treatment == whole.treatment
    assert found.scores == whole.scores
    assert found.curve == whole.curve
    assert found.trained == whole.trained
    one, other = (
        load_file(job_of(name).folder / 'delta.safetensors')
        for name in ('stopped', 'whole')
    )
    del one['sha256'], other['sha256']  # of the metadata, too
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


LOOPS = {
    'epochs': dict(
        type='EpochBasedTrainLoop', max_epochs=4, val_begin=2, val_interval=2
    ),
    'iterations': dict(
        type='IterBasedTrainLoop', max_iters=7, val_begin=3, val_interval=2
    ),
}


@pytest.mark.parametrize('loop', LOOPS)
def test_the_curve_has_the_steps_taken_before_each_validation(
    train, monkeypatch, loop
):
    steps, validated = [], []
    step, validate = PeftOptimWrapper.step, ValLoop.run

    def counted_step(wrapper, **kwargs):
        steps.append(wrapper)
        step(wrapper, **kwargs)

    def noted(val_loop):
        metrics = validate(val_loop)
        validated.append([len(steps), metrics['image_mDice']])
        return metrics

    monkeypatch.setattr(PeftOptimWrapper, 'step', counted_step)
    monkeypatch.setattr(ValLoop, 'run', noted)
    sampler = dict(type='DefaultSampler', shuffle=True, _delete_=True)
    curve = train(
        loop,
        train_cfg={**LOOPS[loop], '_delete_': True},
        **{
            'train_dataloader.sampler': sampler,
            'default_hooks.checkpoint.by_epoch': loop == 'epochs',
        },
    ).curve
    assert len(steps) >= 7  # an epoch has several steps
    assert len(validated) == (2 if loop == 'epochs' else 3)
    assert curve == validated


def test_only_final_runs_of_segmentors_are_validated(job_of, monkeypatch):
    seen = []

    def train(config, validates, *hooks):
        seen.append(validates)
        raise StoppedError

    monkeypatch.setattr(running, '_train', train)
    for scope, is_tuning in (
        ('mmseg', False),
        ('mmseg', True),
        ('mmpretrain', False),
    ):
        job = replace(job_of('a', default_scope=scope), is_tuning=is_tuning)
        with pytest.raises(StoppedError):
            run_job(job, {}, [])
    assert seen == [True, False, False]


def test_the_digest_of_the_head_is_of_what_is_not_in_the_encoder(tmp_path):
    runner, _ = toy_run(tmp_path, train=False)
    before = head_digest(runner)
    with torch.no_grad():
        runner.model.backbone.fc.weight += 1
    assert head_digest(runner) == before
    with torch.no_grad():
        runner.model.decode_head.weight[0, 0] += 1
    assert head_digest(runner) != before
