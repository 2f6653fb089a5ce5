# Copyright (c) gps_seg contributors. Apache-2.0.
"""Hooks and wrappers of training, each in a run of two steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_polyps import demo_config, polyps, settings  # noqa: F401
from fragments import runner_of

from gps_seg.delta import Delta
from gps_seg.engine import (
    AmpPeftOptimWrapper,
    DeltaHook,
    PeftHook,
    PeftOptimWrapper,
    PeftRunner,
    ReportHook,
    SeededStepsHook,
)
from gps_seg.engine.training.seeded_steps import Draw


@pytest.fixture
def config(demo_config):  # noqa: F811
    """The demo's config without hooks that an example puts in."""
    for name in ('report', 'seeded_steps'):
        del demo_config.default_hooks[name]
    return demo_config


@pytest.fixture
def train(config, no_pictures):
    """Trains with the lines of an example; the runner as it is left."""

    def run_with(names):
        runner = runner_of(config, names)
        runner.train()
        assert runner.iter == 2
        return runner

    return run_with


def hook_of(runner, kind):
    (hook,) = (hook for hook in runner.hooks if type(hook) is kind)
    return hook


def test_optim_wrapper(run, train):
    wrapper = train(run(PeftOptimWrapper)).optim_wrapper
    assert type(wrapper) is PeftOptimWrapper
    assert wrapper.optimizer.defaults['lr'] == 1e-3


def test_amp_optim_wrapper(run, train):
    wrapper = train(run(AmpPeftOptimWrapper)).optim_wrapper
    assert type(wrapper) is AmpPeftOptimWrapper
    assert wrapper.cast_dtype is torch.bfloat16


def test_delta_hook(run, train):
    hook = hook_of(train(run(DeltaHook)), DeltaHook)
    assert hook.interval == 500
    best = Delta.load('run/best_delta.safetensors').info.metric
    assert best['image_mDice'] == hook.best
    assert Path('run/delta.safetensors').is_file()


def test_peft_hook(run, train):
    hook = hook_of(train(run(PeftHook)), PeftHook)
    rows = sum(shape[0] for shape in hook.selection.shapes.values())
    assert hook.selection.num_selected == rows  # one weight of each neuron


def test_report_hook(run, config, coarse_pictures):
    runner = runner_of(config, run(ReportHook))
    runner.train()
    assert hook_of(runner, ReportHook).num_examples == 2
    facts = json.loads(Path('run/environment.json').read_text('utf-8'))
    assert facts['seed'] == 0 and facts['seconds'] > 0
    for name in ('curves.png', 'overlays.png', 'report.html'):
        assert Path('run', name).is_file()


def test_seeded_steps(run, train):
    dataset = train(run(SeededStepsHook)).train_dataloader.dataset
    flipped = []
    for seed in range(8):  # of the generators, on which nothing depends
        np.random.seed(seed)
        flipped.append(dataset[Draw(epoch=0, number=3, index=2)]['inputs'])
    assert all(torch.equal(flipped[0], image) for image in flipped)


def test_peft_runner(run, config, no_pictures):
    config.work_dir = 'run'
    config.optim_wrapper.type = 'OptimWrapper'
    config.pop('custom_hooks')
    config.dump('your_config.py')
    Path('your_config_with_gps.py').write_text(
        "_base_ = ['your_config.py', 'gps_seg::_base_/gps.py']\n"
    )
    runner = run(PeftRunner)['runner']
    assert runner.iter == 2
    assert type(runner.optim_wrapper) is PeftOptimWrapper
    assert hook_of(runner, PeftHook).selection is not None
