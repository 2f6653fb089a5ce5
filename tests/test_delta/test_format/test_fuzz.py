# Copyright (c) gps_seg contributors. Apache-2.0.
"""Many files of a stranger: each is applied whole, or refused with one error.

``GPS_SEG_FUZZ_CASES=1000000 pytest -m slow tests/test_delta/test_format``
tries more.
"""

import os
import resource
import signal
from collections import Counter

import pytest
import torch
from forged_deltas import TIED, Forger
from torch import nn

from gps_seg.delta import Delta, apply, merged_state, revert
from gps_seg.delta.reports.description import describe, format_description

FEW = 600
MANY = int(os.environ.get('GPS_SEG_FUZZ_CASES', '100000'))
#: Far more than a file of a few kilobytes takes, on a slow machine too.
SECONDS = 20
MEGABYTES = 300
BFLOAT16 = 'g.mean'


def model_of(arrays):
    """Modules with the names of the base, and a weight under two names."""
    model = nn.Module()
    for name, array in arrays.items():
        child, attribute = name.split('.')
        tensor = torch.from_numpy(array.copy())
        if name == BFLOAT16:
            tensor = tensor.view(torch.int16).view(torch.bfloat16)
        if not hasattr(model, child):
            model.add_module(child, nn.Module())
        module = model.get_submodule(child)
        if attribute in ('weight', 'bias'):
            module.register_parameter(attribute, nn.Parameter(tensor))
        else:
            module.register_buffer(attribute, tensor)
    for alias, name in TIED.items():
        child, attribute = alias.split('.')
        model.add_module(child, nn.Module())
        tied = model.get_parameter(name)
        model.get_submodule(child).register_parameter(attribute, tied)
    return model


def bits(state):
    return {
        name: tensor.detach().reshape(-1).view(torch.uint8).tolist()
        for name, tensor in state.items()
    }


# A digest may be damaged where the sketch is that of the base.
pytestmark = pytest.mark.filterwarnings('ignore:base. .* rounding')


class Trial:
    """One model, which has to be the base again after every file."""

    def __init__(self, folder):
        self.path = folder / 'd.safetensors'
        self.forger = Forger()
        self.model = model_of(self.forger.base)
        self.base = bits(self.model.state_dict())
        self.outcomes = Counter()

    def run(self, number):
        content, is_right = self.forger.forge(number)
        self.path.write_bytes(content)
        outcome = self.outcome()
        assert not is_right or outcome in ('applied', 'overflow'), number
        self.outcomes[outcome] += 1

    def outcome(self):
        try:
            delta = Delta.load(self.path)
        except ValueError as error:
            return 'refused' if str(self.path) in str(error) else 'unnamed'
        format_description(describe(self.path)).encode()
        try:
            apply(self.model, delta)
        except ValueError as error:
            assert bits(self.model.state_dict()) == self.base
            return 'overflow' if 'is not' in str(error) else 'not applied'
        tuned = bits(self.model.state_dict())
        revert(self.model)
        state = self.model.state_dict()
        assert bits(state) == self.base
        assert bits(merged_state(state, delta)) == tuned
        return 'applied'


def try_many(numbers, folder):
    """Run the trials, each within bounds of time, all of memory."""

    def too_long(*_):
        raise TimeoutError('a file took too long')

    trial = Trial(folder)
    trial.run(0)  # what is imported late counts for nothing
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    handler = signal.signal(signal.SIGALRM, too_long)
    try:
        for number in numbers:
            signal.alarm(SECONDS)
            try:
                trial.run(number)
            except BaseException as error:
                error.add_note(f'file number {number}')
                raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (peak - before) / 1024 < MEGABYTES
    return trial.outcomes


def test_strange_files_are_applied_whole_or_refused(tmp_path):
    outcomes = try_many(range(FEW), tmp_path)
    # All ways were gone, so that something was tested.
    assert min(outcomes[way] for way in ('applied', 'refused')) > FEW / 10
    assert outcomes['not applied'] > 0
    assert outcomes['unnamed'] == 0


@pytest.mark.slow
def test_very_many_strange_files_are_applied_whole_or_refused(tmp_path):
    outcomes = try_many(range(FEW, FEW + MANY), tmp_path)
    assert sum(outcomes.values()) == MANY + 1
    assert outcomes['unnamed'] == 0
