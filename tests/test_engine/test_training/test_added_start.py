# Copyright (c) gps_seg contributors. Apache-2.0.
"""A run may start what its method adds from the values in a delta."""

import re

import pytest
import torch
from mmengine.hooks import EMAHook, Hook
from toy_run import ToySet, run

from gps_seg.additions import is_added
from gps_seg.delta import Delta
from gps_seg.engine import PeftHook
from gps_seg.engine.runner_model import averaged_model, bare_model

LORA = {'type': 'lora', 'rank': 2}


class Starts(Hook):
    """Keeps the values with which the iterations begin."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.state = copied(bare_model(runner))
        average = averaged_model(runner)
        self.average = None if average is None else copied(average)


class UnreadableSet(ToySet):
    def __getitem__(self, index):
        raise AssertionError('data was read')


def copied(model):
    return {n: t.detach().clone() for n, t in model.state_dict().items()}


def added(state):
    return {n: t for n, t in state.items() if is_added(n)}


def trained(folder, method=LORA):
    """Path of the delta of a short run."""
    checkpoint = {'type': 'DeltaHook', 'interval': 2}
    run(folder, method=method, iters=2, checkpoint=checkpoint)
    return folder / 'delta.safetensors'


def started(folder, path, method=LORA, **options):
    """Values with which a run from this delta begins."""
    starts = Starts()
    run(
        folder,
        method=method,
        iters=1,
        seed=options.pop('seed', 7),
        hook_options={'init_from': str(path)},
        hooks=[*options.pop('hooks', []), starts],
        **options,
    )
    return starts


def test_what_is_added_starts_from_the_delta_and_the_rest_afresh(tmp_path):
    path = trained(tmp_path / 'first')
    state = started(tmp_path / 'second', path).state
    delta = Delta.load(path)
    names = added(state).keys()
    assert names == {n for n in delta.changes if is_added(n)}
    assert len(names) == 4  # a and b of q and v
    for name in names:
        numbers = delta.changes[name].values.numbers
        assert torch.equal(state[name].flatten(), numbers)
        assert numbers.any()  # b was zero before the first run
    head = delta.changes['decode_head.weight'].values.numbers
    assert not torch.equal(state['decode_head.weight'].flatten(), head)


def test_averaged_weights_start_from_the_delta_too(tmp_path):
    path = trained(tmp_path / 'first')
    hooks = [EMAHook()]
    starts = started(tmp_path / 'second', path, hooks=hooks)
    names = added(starts.state).keys()
    assert added(starts.average).keys() == names
    assert all(torch.equal(starts.average[n], starts.state[n]) for n in names)


def test_a_resumed_run_does_not_need_the_delta(tmp_path):
    path = trained(tmp_path / 'first')
    settings = dict(method=LORA, hook_options={'init_from': str(path)})
    run(tmp_path / 'second', iters=3, **settings)
    path.unlink()
    starts = Starts()
    runner, _ = run(
        tmp_path / 'second', iters=6, resume=True, hooks=[starts], **settings
    )
    assert runner.iter == 6
    assert all(value.any() for value in added(starts.state).values())


def refusal(tmp_path, path, method, kind=ValueError):
    """Message of a run that must not look at its data."""
    with pytest.raises(kind) as caught:
        started(tmp_path / 'second', path, method, dataset=UnreadableSet())
    return str(caught.value)


def test_other_additions_are_refused_before_data_is_read(tmp_path):
    path = trained(tmp_path / 'first')
    other = {'type': 'lora', 'rank': 4}
    message = refusal(tmp_path, path, other)
    assert re.search(
        "expected low_rank at .*'rank': 4.* got low_rank at .*'rank': 2.*"
        "Give the method the settings.*'rank': 2",
        message,
    )
    fewer = {'type': 'lora', 'rank': 2, 'on': ['q']}
    message = refusal(tmp_path, path, fewer)
    assert 'expected the 1 additions of this run, got 2' in message
    assert 'expected nothing, got low_rank at' in message


def test_a_delta_without_additions_is_refused_with_advice(tmp_path):
    path = trained(tmp_path / 'first', {'type': 'gps', 'k': 1})
    message = refusal(tmp_path, path, LORA)
    assert 'expected a delta whose method added something' in message
    assert 'merge it with its base' in message.lower()
    assert 'load_from' in message


def test_a_method_that_adds_nothing_is_refused_with_advice(tmp_path):
    path = trained(tmp_path / 'first')
    message = refusal(tmp_path, path, {'type': 'gps', 'k': 1})
    assert 'GPS, which adds nothing' in message
    assert 'load_from' in message


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / 'none.safetensors'
    message = refusal(tmp_path, path, LORA, FileNotFoundError)
    assert message == f'init_from: expected a delta, got nothing at {path}.'


def test_additions_that_the_data_place_are_compared_once_they_are(tmp_path):
    method = {'type': 'spt_lora', 'budget': 60, 'rank': 2}
    path = trained(tmp_path / 'first', method)
    state = started(tmp_path / 'second', path, method, seed=0).state
    for name, change in Delta.load(path).changes.items():
        if is_added(name):
            assert torch.equal(state[name].flatten(), change.values.numbers)
    assert added(state)
    other = {**method, 'budget': 200}
    with pytest.raises(ValueError, match='init_from: expected the .* addit'):
        started(tmp_path / 'third', path, other, seed=0)


@pytest.mark.parametrize('path', [3, ''])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match='init_from: expected the path'):
        PeftHook(method={'type': 'lora'}, init_from=path)
