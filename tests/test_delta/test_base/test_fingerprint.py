# Copyright (c) gps_seg contributors. Apache-2.0.
"""A delta knows its whole base, also what it leaves as it is."""

import copy
import dataclasses
import json

import pytest
import torch
from torch import nn

from gps_seg.delta import (
    Delta,
    apply,
    combine,
    extract,
    merged_state,
    quantized,
    revert,
    rounded,
    scaled,
    switch,
)
from gps_seg.delta.application import applied_delta
from gps_seg.delta.base import known_tensors
from gps_seg.delta.base.matching import base_values
from gps_seg.delta.baseline import Baseline
from gps_seg.delta.format.container import read_container, write_container
from gps_seg.delta.reports.description import describe, format_description
from gps_seg.delta.reports.difference import differences, format_differences
from gps_seg.delta.reports.verification import verify
from gps_seg.sparse import Selection

UNTOUCHED = 'backbone.1.weight'
PARTLY = 'backbone.0.weight'
ALONE = ('backbone.1.bias', UNTOUCHED, 'backbone.1.running_var', 'head.bias')


def moved(base, name, delta):
    """The base with another value that the delta does not change."""
    other = copy.deepcopy(base)
    taken = delta.selection.get(name, torch.empty(0)).tolist()
    free = next(i for i in range(other[name].numel()) if i not in taken)
    other[name].view(-1)[free] += 1
    return other


@pytest.mark.parametrize('name', [UNTOUCHED, PARTLY])
@pytest.mark.parametrize('action', ['apply', 'switch', 'merge', 'values'])
def test_another_base_is_refused_where_the_delta_changes_nothing(
    model, base, delta, state_bits, name, action
):
    other = moved(base, name, delta)
    model.load_state_dict(other)
    before = state_bits(model)
    calls = {
        'apply': lambda: apply(model, delta),
        'switch': lambda: switch(model, delta),
        'merge': lambda: merged_state(other, delta),
        'values': lambda: base_values(model, delta),
    }
    with pytest.raises(ValueError, match=rf'1 of 11 tensors \({name}'):
        calls[action]()
    assert state_bits(model) == before
    assert applied_delta(model) is None


def test_a_linear_probe_is_refused_on_another_encoder(model, base):
    baseline = Baseline.of(model, Selection({}, {}), [], new=['head.weight'])
    probe = baseline.delta(model)
    assert set(probe.changes) == {'head.weight'}
    apply(model, probe)
    revert(model)
    with torch.no_grad():
        model.backbone[2].weight.mul_(1.01)
    with pytest.raises(ValueError, match=r'backbone.2.weight'):
        apply(model, probe)


def test_all_of_the_base_but_the_new_tensors_is_known(model, base, delta):
    baseline = Baseline.of(
        model, delta.selection, ['backbone.0.bias'], new=['head.weight']
    )
    made = baseline.delta(model)
    whole = {n for n, c in made.changes.items() if c.indices is None}
    known = made.fingerprint.keys() | whole
    assert known == base.keys()
    assert set(made.fingerprint) == base.keys() - whole
    assert made.new == {'head.weight'}


@pytest.mark.parametrize(
    'derive',
    [
        lambda base, delta: delta,
        lambda base, delta: rounded(delta, torch.bfloat16),
        lambda base, delta: quantized(base, delta, bits=4),
        lambda base, delta: scaled(base, delta, 0.5),
        lambda base, delta: combine(base, [delta, delta], [0.5, 0.5]),
        lambda base, delta: combine(
            base, [delta, dataclasses.replace(delta, fingerprint=None)], [1, 1]
        ),
        lambda base, delta: extract(base, merged_state(base, delta)),
    ],
    ids=['same', 'half', '4-bit', 'scaled', 'sum', 'sum with old', 'extract'],
)
def test_what_is_made_of_a_delta_knows_the_base(base, delta, tmp_path, derive):
    made = derive(base, delta)
    made.save(tmp_path / 'd')
    loaded = Delta.load(tmp_path / 'd')
    assert dict(loaded.fingerprint) == dict(delta.fingerprint)
    for name in (UNTOUCHED, PARTLY):
        with pytest.raises(ValueError, match=name):
            merged_state(moved(base, name, delta), loaded)


def test_tasks_of_different_tensors_know_the_base_together(
    base, tune, tuned, delta
):
    """What one task replaces whole, the other one leaves alone."""
    state = copy.deepcopy(base)
    state['head.bias'] += 1
    bias = extract(base, state)
    both = combine(base, [delta, bias], [1, 1])
    whole = {n for n, c in both.changes.items() if c.indices is None}
    assert 'head.bias' in both.changes and 'head.weight' in whole
    assert set(both.fingerprint) == base.keys() - whole


def test_only_deltas_without_a_fingerprint_give_none(base, delta):
    old = dataclasses.replace(delta, fingerprint=None)
    assert combine(base, [old, old], [1, 1]).fingerprint is None


def test_a_part_of_a_delta_knows_a_part_of_the_base(base, delta):
    part = delta.restricted(lambda name: name.startswith('backbone.'))
    merged_state(moved(base, 'head.bias', delta), part)
    with pytest.raises(ValueError, match=UNTOUCHED):
        merged_state(moved(base, UNTOUCHED, delta), part)


def test_a_file_of_an_encoder_alone_is_compared_as_far_as_it_goes(base, delta):
    alone = {n: t for n, t in base.items() if n not in ALONE}
    told = verify(alone, delta)
    assert '0 tensors that it leaves alone match\n4 tensors that' in told
    assert told.endswith('it leaves alone are absent')
    assert '4 tensors that it leaves alone match' in verify(base, delta)


def test_a_model_without_a_tensor_of_the_base_is_refused(model, delta):
    del model.head.bias
    with pytest.raises(ValueError, match=r'none for 1 of 11 \(head.bias'):
        apply(model, delta)


def version_1(path):
    """Turn a file into one that version 0.1 would have written."""
    text, arrays = read_container(path)
    header = json.loads(text)
    del header['untouched'], arrays['fingerprint'], header['info']['seed']
    del arrays['sketches']
    write_container(path, json.dumps({**header, 'version': 1}), arrays)


def test_a_file_of_version_1_is_read_and_checked_as_before(
    path, model, base, delta, tuned, state_bits
):
    version_1(path)
    old = Delta.load(path)
    assert old.fingerprint is None and old.info.seed is None
    assert 'not recorded' in verify(base, old)
    told = format_description(describe(path))
    assert 'recorded only where the delta changes it' in told
    apply(model, old)
    assert state_bits(model) == state_bits(tuned)
    revert(model)
    merged_state(moved(base, UNTOUCHED, delta), old)
    model.load_state_dict(moved(base, 'head.weight', delta))
    with pytest.raises(ValueError, match='head.weight'):
        apply(model, old)


def test_a_file_of_version_2_says_that_the_base_is_known(path):
    assert 'base      recorded in full' in format_description(describe(path))


@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (lambda h: h.update(version=1), 'header: expected'),
        (lambda h: h.update(untouched={}), 'untouched: expected'),
        (lambda h: h.update(untouched=[1]), 'untouched: expected'),
        (lambda h: h['untouched'].reverse(), 'untouched: expected'),
        (lambda h: h['untouched'].append('x'), 'expected 56 numbers'),
        (lambda h: h['untouched'].pop(), "more of {'fingerprint': 8,"),
        (lambda h: h.pop('untouched'), "more of {'fingerprint': 48,"),
        (
            lambda h: h['untouched'].append('head.weight'),
            'untouched: expected',
        ),
        (lambda h: h['info'].update(seed='1'), 'seed: expected'),
        (lambda h: h['info'].update(seed=True), 'seed: expected'),
    ],
)
def test_a_fingerprint_that_breaks_a_rule_is_refused(path, edit, message):
    text, arrays = read_container(path)
    header = json.loads(text)
    edit(header)
    write_container(path, json.dumps(header), arrays)
    with pytest.raises(ValueError, match=message):
        Delta.load(path)


def test_a_fingerprint_covers_what_changes_in_part(delta):
    for known in ({}, {**delta.fingerprint, PARTLY: 'x' * 16}):
        with pytest.raises(ValueError, match=f'fingerprint.*{PARTLY}'):
            dataclasses.replace(delta, fingerprint=known)


# Tensors are hashed again only where they changed


@pytest.fixture
def hashed(monkeypatch):
    """The shapes of the tensors that are hashed whole in `apply`."""
    original, seen = known_tensors.tensor_digest, []

    def counted(tensor):
        seen.append(tuple(tensor.shape))
        return original(tensor)

    monkeypatch.setattr(known_tensors, 'tensor_digest', counted)
    return seen


def test_switching_hashes_the_base_once(model, base, delta, other, hashed):
    apply(model, delta)
    assert len(hashed) == len(delta.fingerprint)
    for task in (other, delta, other, delta):
        switch(model, task)
    revert(model)
    for task in (other, delta):
        apply(model, task)
        revert(model)
    assert len(hashed) == len(delta.fingerprint.keys() | other.fingerprint)


def test_only_what_changed_is_hashed_again(model, delta, hashed):
    apply(model, delta)
    revert(model)
    hashed.clear()
    with torch.no_grad():
        model.backbone[1].weight += 1
        model.backbone[1].weight -= 1
    apply(model, delta)
    assert hashed == [(6,)]


CHANGES = {
    'in place': lambda p: p.add_(1),
    'one entry': lambda p: p.view(-1)[:1].add_(1),
    'data': lambda p: p.data.add_(1),
    'new data': lambda p: setattr(p, 'data', p.data + 1),
    'numpy': lambda p: p.detach().numpy().__iadd__(1),
}


@pytest.mark.parametrize('how', CHANGES)
@pytest.mark.parametrize('name', [UNTOUCHED, PARTLY])
@pytest.mark.parametrize('moment', ['before', 'applied'])
def test_a_change_after_the_first_look_is_noticed(
    model, delta, how, name, moment
):
    apply(model, delta)
    if moment == 'before':
        revert(model)
    parameter = model.get_parameter(name)
    taken = delta.selection.get(name)
    kept = None if taken is None else parameter.detach().take(taken)
    with torch.no_grad():
        CHANGES[how](parameter)
        if kept is not None:  # the entries of the delta are as they were
            parameter.data.view(-1)[taken] = kept
    if moment == 'applied':
        revert(model)
    with pytest.raises(ValueError, match=name):
        apply(model, delta)


def test_a_large_tensor_is_known_by_a_sample_too(base):
    """Through `.data` no change is counted."""
    model = nn.Linear(100, 1000)
    state = copy.deepcopy(model.state_dict())
    tuned = {**state, 'bias': state['bias'] + 1}
    delta = extract(state, tuned)
    with torch.no_grad():
        apply(model, delta)
        revert(model)
        model.weight.data.mul_(1.5)
    with pytest.raises(ValueError, match='weight'):
        apply(model, delta)


def test_a_resumed_baseline_gives_the_same_bytes(model, base, delta, tmp_path):
    baseline = Baseline.of(model, delta.selection, ['head.weight'])
    record = json.loads(json.dumps(baseline.record))
    again = Baseline(delta.selection, **record)
    baseline.delta(model).save(tmp_path / 'one')
    again.delta(model).save(tmp_path / 'two')
    one, two = (tmp_path / 'one'), (tmp_path / 'two')
    assert one.read_bytes() == two.read_bytes()


def test_an_old_record_gives_deltas_as_of_old(model, delta):
    record = Baseline.of(model, delta.selection, ['head.weight']).record
    old = {key: record[key] for key in ('whole', 'digests')}
    made = Baseline(delta.selection, **old).delta(model)
    assert made.fingerprint is None


def test_other_bases_of_two_deltas_are_seen(base, delta, tune):
    """In tensors that neither of them changes, or not at the same entries."""
    other = moved(moved(base, UNTOUCHED, delta), PARTLY, delta)
    _, tuned = tune(other, seed=2)
    found = differences(delta, extract(other, tuned))
    rows = {row.name: row for row in found}
    assert {n for n in rows if rows[n].same_base is False} == {
        UNTOUCHED, PARTLY,
    }  # fmt: skip
    assert rows[UNTOUCHED].sizes == (0, 0)
    told = format_differences(list(rows.values()))
    assert 'different bases: 2 tensors' in told
    _, tuned = tune(base, seed=2)
    rows = differences(delta, extract(base, tuned))
    assert all(row.same_base for row in rows)
