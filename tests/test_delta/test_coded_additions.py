# Copyright (c) gps_seg contributors. Apache-2.0.
"""Additions that compute with few values are stored in few bits, exactly."""

import copy

import pytest
import torch
from small_encoders import small_task

from gps_seg.additions import is_added, plan_of
from gps_seg.delta import (
    Delta,
    DeltaInfo,
    apply,
    extract,
    merged_state,
    revert,
)
from gps_seg.delta.baseline import Baseline
from gps_seg.delta.lossy import quantized, rounded
from gps_seg.peft import Binary, tune
from gps_seg.sparse import Selection


def trained(bits, steps=3):
    """A base, a baseline of it, and the model after a few steps."""
    task = small_task('vit')
    base = copy.deepcopy(task.model).eval()
    tuned = tune(task.model, Binary(rank=4, bits=bits), losses=[], seed=0)
    whole = {n for n, p in task.model.named_parameters() if p.requires_grad}
    baseline = Baseline.of(
        task.model, Selection({}, {}), whole, new=set(filter(is_added, whole))
    )
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        task.loss().backward()
        optimizer.step()
    return base, baseline, task.model.eval()


def info_of(model):
    return DeltaInfo(added=plan_of(model).to_json())


def output(model):
    with torch.no_grad():
        return model['head'](model['backbone'](torch.ones(1, 3, 32, 32))[-1])


@pytest.mark.parametrize('bits', [1, 2, 3, 4])
def test_a_loaded_delta_computes_what_the_tuned_model_did(bits, tmp_path):
    base, baseline, model = trained(bits)
    expected, before = output(model), output(base)
    baseline.delta(model, info_of(model)).save(tmp_path / 'x.safetensors')
    delta = Delta.load(tmp_path / 'x.safetensors')
    assert delta.is_lossless
    added = {n: c for n, c in delta.changes.items() if is_added(n)}
    assert {c.values.bits for c in added.values()} == {
        4 if bits == 3 else bits
    }
    apply(base, delta)
    assert torch.equal(output(base), expected)
    revert(base)
    assert torch.equal(output(base), before)


def test_a_delta_of_two_checkpoints_is_as_small_as_one_of_a_run():
    base, baseline, model = trained(2)
    of_run = baseline.delta(model, info_of(model))
    other = extract(base.state_dict(), model.state_dict(), info_of(model))
    for name in filter(is_added, of_run.changes):
        one, two = of_run.changes[name].values, other.changes[name].values
        assert torch.equal(one.codes, two.codes)
        assert torch.equal(one.levels, two.levels)


def test_a_file_has_the_bits_and_the_levels_of_each_matrix(tmp_path):
    sizes = []
    for bits in (1, 4):
        _, baseline, model = trained(bits)
        delta = baseline.delta(model, info_of(model))
        delta.restricted(is_added).save(tmp_path / str(bits))
        sizes.append((tmp_path / str(bits)).stat().st_size)
    values, matrices = 2 * 2 * 4 * 16, 4
    more = values * 3 // 8 + matrices * 4 * (16 - 2)
    assert abs(sizes[1] - sizes[0] - more) < 64  # padding


def test_codes_survive_what_changes_other_values():
    base, baseline, model = trained(2)
    delta = baseline.delta(model, info_of(model))
    added = [name for name in delta.changes if is_added(name)]
    for other in (
        rounded(delta, torch.float16),
        quantized(base, delta, bits=8),
    ):
        for name in added:
            values = other.changes[name].values
            assert torch.equal(values.codes, delta.changes[name].values.codes)


def test_values_of_64_bits_are_stored_as_they_are():
    _, _, model = trained(2)
    base = small_task('vit').model.double()
    other = model.double().state_dict()
    delta = extract(base.state_dict(), other, info_of(model))
    assert delta.is_lossless
    for name in filter(is_added, delta.changes):
        numbers = delta.changes[name].values.numbers
        assert torch.equal(numbers, other[name].flatten())


def test_they_cannot_be_merged():
    base, baseline, model = trained(1)
    delta = baseline.delta(model, info_of(model))
    with pytest.raises(ValueError, match='cannot be merged'):
        merged_state(base.state_dict(), delta)
