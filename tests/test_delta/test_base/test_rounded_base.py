# Copyright (c) gps_seg contributors. Apache-2.0.
"""A base that was computed on another kind of processor is the base.

What is computed when a model is built, such as a resized position embedding,
has other bits there. A truly different base is refused.
"""

import copy
import dataclasses
import hashlib
import json
import warnings

import numpy as np
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
from gps_seg.delta.base import known_tensors
from gps_seg.delta.base.matching import base_values
from gps_seg.delta.baseline import Baseline
from gps_seg.delta.format.container import read_container, write_container
from gps_seg.delta.reports.difference import differences
from gps_seg.delta.reports.verification import verify
from gps_seg.delta.sketch import agree, sketch_of
from gps_seg.sparse import Selection

#: Largest difference of resized tensors between kinds of processors, of the
#: size of their entries; see docs/delta_format.md.
ROUNDING = 1e-6
POSITION, NORM = 'pos_embed', 'norm.weight'


class TinyViT(nn.Module):
    """A position embedding, a norm and a layer that a task changes."""

    def __init__(self) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.randn(1, 82, 24) * 0.02)
        self.norm = nn.LayerNorm(24)
        nn.init.normal_(self.norm.weight, mean=1, std=0.1)
        self.linear = nn.Linear(24, 24)


@pytest.fixture
def model():
    torch.manual_seed(3)
    return TinyViT()


@pytest.fixture
def base(model):
    return copy.deepcopy(model.state_dict())


@pytest.fixture
def tuned(base):
    state = copy.deepcopy(base)
    state['linear.weight'][:, 5] += 1
    state['linear.bias'] += 1
    return state


@pytest.fixture
def delta(base, tuned):
    return extract(base, tuned)


def noisy(tensor, size):
    generator = torch.Generator().manual_seed(11)
    noise = torch.randn(tensor.shape, generator=generator)
    return tensor + size * noise * tensor.square().mean().sqrt()


def elsewhere(base, size=ROUNDING):
    """The base as another kind of processor computes it."""
    return {**base, POSITION: noisy(base[POSITION], size)}


@pytest.fixture
def other(base):
    state = elsewhere(base)
    assert not torch.equal(state[POSITION], base[POSITION])
    return state


ACTIONS = {
    'apply': apply,
    'switch': switch,
    'merge': lambda model, delta: merged_state(model.state_dict(), delta),
    'values': base_values,
    'verify': verify,
    'verify a file': lambda model, delta: verify(model.state_dict(), delta),
}


@pytest.mark.parametrize('action', ACTIONS)
def test_a_base_of_another_processor_is_taken_with_one_warning(
    model, delta, other, action
):
    model.load_state_dict(other)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        ACTIONS[action](model, delta)
    (warning,) = caught
    assert warning.category is UserWarning
    told = str(warning.message)
    assert '1 of 5 tensors differ' in told and f'({POSITION}, ...)' in told
    assert 'kind of processor' in told


@pytest.mark.parametrize('action', ACTIONS)
def test_the_base_itself_needs_no_warning(model, delta, action):
    ACTIONS[action](model, delta)  # warnings are errors


def test_verify_tells_how_many_tensors_were_rounded(base, delta, other):
    with pytest.warns(UserWarning, match='rounding'):
        told = verify(other, delta)
    assert (
        '3 tensors that it leaves alone match, 1 of them up to rounding'
        in told
    )
    assert 'up to rounding' not in verify(base, delta)


@pytest.mark.filterwarnings('ignore:base. .* rounding')
def test_the_task_and_the_way_back_are_exact_on_the_other_base(
    model, delta, tuned, other, state_bits
):
    model.load_state_dict(other)
    apply(model, delta)
    expected = {**tuned, POSITION: other[POSITION]}
    assert state_bits(model) == state_bits(expected)
    assert state_bits(merged_state(other, delta)) == state_bits(expected)
    revert(model)
    assert state_bits(model) == state_bits(other)


def test_a_warning_as_an_error_leaves_the_model_as_it_was(
    model, delta, other, state_bits
):
    model.load_state_dict(other)
    with pytest.raises(UserWarning, match='rounding'):
        apply(model, delta)
    assert state_bits(model) == state_bits(other)


def one_changed(tensor):
    changed = tensor.clone()
    changed.view(-1)[7] *= 1.05
    return changed


OTHERS = {
    '1 % noise': lambda tensor: noisy(tensor, 0.01),
    'fine-tuned by 1e-3': lambda tensor: noisy(tensor, 1e-3),
    'scaled by 1e-3': lambda tensor: tensor * 1.001,
    'shifted': lambda tensor: tensor + 1e-3 * tensor.abs().max(),
    'other order': lambda tensor: tensor.flip(-1),
    'moved on': lambda tensor: tensor.roll(1, -1),
    'other sign': lambda tensor: -tensor,
    'one other sign': lambda tensor: torch.cat(
        [-tensor.view(-1)[:1], tensor.view(-1)[1:]]
    ).view_as(tensor),
    'zeros': torch.zeros_like,
    'ones': torch.ones_like,
    'NaN': lambda tensor: tensor * torch.nan,
    'infinity': lambda tensor: tensor * torch.inf,
    'one changed by 5 %': one_changed,
    'half': lambda tensor: tensor.half().float(),
}


# One of the 1,968 entries of the embedding is less than the tolerance.
CASES = [(NORM, change) for change in OTHERS]
CASES += [(POSITION, change) for change in OTHERS if 'one ' not in change]


@pytest.mark.parametrize(('name', 'change'), CASES)
def test_a_truly_different_base_is_refused(model, base, delta, name, change):
    other = {**base, name: OTHERS[change](base[name])}
    model.load_state_dict(other)
    for action in ACTIONS.values():
        with pytest.raises(ValueError, match=rf'1 of 5 tensors \({name}'):
            action(model, delta)


@pytest.mark.parametrize(
    'change', [torch.Tensor.half, torch.Tensor.double, lambda t: t.view(-1)]
)
def test_another_type_or_shape_is_another_base(base, delta, change):
    other = {**base, POSITION: change(base[POSITION])}
    with pytest.raises(ValueError, match=POSITION):
        merged_state(other, delta)


@pytest.mark.parametrize('name', ['linear.weight', 'linear.bias'])
def test_what_the_delta_changes_is_compared_by_bits(base, delta, name):
    other = {**base, name: noisy(base[name], ROUNDING)}
    with pytest.raises(ValueError, match=rf'1 of 5 tensors \({name}'):
        merged_state(other, delta)


def test_integers_and_masks_are_compared_by_bits(base, tuned):
    more = {'count': torch.arange(100_000), 'mask': torch.ones(100) > 0}
    base, tuned = {**base, **more}, {**tuned, **more}
    delta = extract(base, tuned)
    assert not more.keys() & delta.sketches.keys()
    for name in more:
        other = {**base, name: more[name].clone()}
        other[name][3] = 0
        with pytest.raises(ValueError, match=name):
            merged_state(other, delta)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_may_be_rounded_too(base, tuned, dtype):
    """Few entries round to their other neighbour, but that is far away."""

    def narrow(state):
        return {name: tensor.to(dtype) for name, tensor in state.items()}

    delta = extract(narrow(base), narrow(tuned))
    other = narrow(elsewhere(base, 1e-5))
    assert not torch.equal(other[POSITION], base[POSITION].to(dtype))
    with pytest.warns(UserWarning, match='rounding'):
        merged_state(other, delta)
    other = narrow(elsewhere(base, 1e-2))
    with pytest.raises(ValueError, match=POSITION):
        merged_state(other, delta)


# The sketch


@pytest.mark.parametrize(
    'tensor',
    [
        torch.randn(3, generator=torch.Generator().manual_seed(0)),
        torch.linspace(-1, 2, 1025),
        torch.linspace(-1, 2, 200_000).double().view(2, -1),
        torch.linspace(0, 1, 65_536).half().view(256, 256).T,
        torch.tensor(0.5, dtype=torch.bfloat16),
    ],
    ids=['short', 'two rows', 'pieces', 'transposed', 'scalar'],
)
def test_the_sketch_is_the_documented_sum(tensor):
    kind = str(tensor.dtype).removeprefix('torch.')
    text = f'{kind}{list(tensor.shape)}'.encode()
    start = int.from_bytes(
        hashlib.blake2b(text, digest_size=2).digest(), 'little'
    )
    x = tensor.double().numpy().reshape(-1)
    place = np.arange(x.size) + start
    norm = np.sqrt((x * x).sum())
    waves = [(x * np.cos(np.sqrt(f) * place)).sum() for f in (1, 2, 3)]
    found = np.array(sketch_of(tensor))
    assert np.array_equal(found, found.astype(np.float32))
    # Rounding of float32, and of the angles, which stay below 1e6.
    allowed = norm * 1e-7 + np.abs([norm, *waves]) * 1e-7
    assert (np.abs(found - [norm, *waves]) <= allowed).all()


@pytest.mark.parametrize(
    'tensor',
    [
        torch.zeros(4),
        torch.empty(0),
        torch.arange(4),
        torch.ones(4) > 0,
        torch.tensor([1.0, torch.nan]),
        torch.tensor([1.0, -torch.inf]),
        torch.tensor([1e200, 1.0], dtype=torch.float64),
    ],
)
def test_some_tensors_have_no_sketch(tensor):
    assert sketch_of(tensor) is None
    assert not agree(None, None)


def test_a_sketch_is_made_on_the_cpu_whatever_the_default_device():
    tensor = torch.linspace(-1, 2, 3000)
    with torch.device('meta'):
        assert sketch_of(tensor) == sketch_of(tensor.clone())


@pytest.mark.filterwarnings('ignore:base. .* rounding')
def test_a_sketch_is_taken_only_of_what_differs_and_once(
    model, base, delta, other, monkeypatch
):
    seen = []

    def counted(tensor):
        seen.append(tuple(tensor.shape))
        return sketch_of(tensor)

    monkeypatch.setattr(known_tensors, 'sketch_of', counted)
    apply(model, delta)
    revert(model)
    assert not seen
    model.load_state_dict(other)
    apply(model, delta)
    for _ in range(3):
        switch(model, delta)
    assert seen == [(1, 82, 24)]


# Files, and what is made of a delta


@pytest.mark.parametrize(
    'derive',
    [
        lambda base, delta: delta,
        lambda base, delta: rounded(delta, torch.float16),
        lambda base, delta: quantized(base, delta, bits=2),
        lambda base, delta: scaled(base, delta, 0.5),
        lambda base, delta: combine(base, [delta, delta], [0.5, 0.5]),
        lambda base, delta: delta.restricted(lambda name: name != 'x'),
        lambda base, delta: extract(base, merged_state(base, delta)),
    ],
    ids=['same', 'half', '2-bit', 'scaled', 'sum', 'part', 'extract'],
)
def test_what_is_made_of_a_delta_is_as_portable(
    base, delta, other, tmp_path, derive
):
    derive(base, delta).save(tmp_path / 'd')
    loaded = Delta.load(tmp_path / 'd')
    assert dict(loaded.sketches) == dict(delta.sketches)
    assert set(loaded.sketches) == {POSITION, NORM}  # the norm's bias is 0
    with pytest.warns(UserWarning, match='rounding'):
        merged_state(other, loaded)


def test_a_part_of_a_delta_knows_a_part_of_the_base(delta):
    part = delta.restricted(lambda name: name != POSITION)
    assert set(part.sketches) == {NORM}


@pytest.mark.filterwarnings('ignore:base. .* rounding')
def test_a_task_can_be_made_on_the_other_base(base, delta, other, tmp_path):
    """Scaled there, it fits here; so does the sum of both."""
    made = scaled(other, delta, 0.5)
    state = copy.deepcopy(other)
    state['linear.bias'] -= 1
    there = extract(other, state)
    for one in (made, combine(base, [delta, there], [1, 1]), there):
        merged_state(base, one)
        merged_state(other, one)
    rows = differences(delta, there)
    assert not [row.name for row in rows if row.same_base is False]


@pytest.fixture
def baseline(model):
    selection = Selection(
        {'linear.weight': torch.tensor([5, 30])},
        {'linear.weight': torch.Size([24, 24])},
    )
    return Baseline.of(model, selection, ['linear.bias'])


def test_a_trained_delta_is_portable(model, baseline, other):
    with pytest.warns(UserWarning, match='rounding'):
        merged_state(other, baseline.delta(model))


def test_a_resumed_baseline_gives_the_same_sketches(model, baseline):
    record = json.loads(json.dumps(baseline.record))
    again = Baseline(baseline.selection, **record).delta(model)
    assert dict(again.sketches) == dict(baseline.delta(model).sketches)
    assert set(again.sketches) == {POSITION, NORM}
    del record['sketches']
    assert not Baseline(baseline.selection, **record).delta(model).sketches


def test_a_file_without_sketches_is_compared_by_bits(
    base, delta, other, tmp_path
):
    dataclasses.replace(delta, sketches={}).save(tmp_path / 'd')
    loaded = Delta.load(tmp_path / 'd')
    assert 'sketches' not in read_container(tmp_path / 'd')[1]
    merged_state(base, loaded)
    with pytest.raises(ValueError, match=POSITION):
        merged_state(other, loaded)


@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (lambda s: s[:-1], 'expected 12 numbers for a tensor, got 11'),
        (lambda s: np.append(s, s), "more of {'sketches': 12}"),
        (lambda s: s.astype('f8'), 'expected one axis of float32'),
        (lambda s: s * np.nan, 'sketches: expected 4 finite numbers'),
        (lambda s: s * np.float32(np.inf), 'sketches: expected 4 finite'),
        (lambda s: -s, 'sketches: expected 4 finite .* first above 0'),
    ],
    ids=['short', 'long', 'wide', 'NaN', 'infinite', 'negative'],
)
@pytest.mark.filterwarnings('ignore:invalid value encountered')
def test_damaged_sketches_are_refused(delta, tmp_path, edit, message):
    path = tmp_path / 'd'
    delta.save(path)
    text, arrays = read_container(path)
    edited = edit(arrays['sketches'])
    write_container(path, text, {**arrays, 'sketches': edited})
    with pytest.raises(ValueError, match=message):
        Delta.load(path)


def test_sketches_without_names_are_refused(delta, tmp_path):
    path = tmp_path / 'd'
    dataclasses.replace(delta, fingerprint=None).save(path)
    text, arrays = read_container(path)
    assert 'sketches' not in arrays
    arrays['sketches'] = np.ones(4, np.float32)
    write_container(path, text, arrays)
    with pytest.raises(ValueError, match="more of {'sketches': 4}"):
        Delta.load(path)
