"""Deltas made from weights hold what changed and nothing else."""

import copy
import json

import pytest
import torch
from torch import nn

from gps_seg.delta import applied, extract, merged_state
from gps_seg.delta.baseline import Baseline
from gps_seg.sparse import Selection


def test_extract_finds_what_changed(base, tuned, state_bits, tune):
    delta = extract(base, tuned)
    assert state_bits(merged_state(base, delta)) == state_bits(tuned)
    selection, _ = tune(base, seed=1)
    assert delta.selection.hash == selection.hash
    assert set(delta.changes) == {
        name for name in base if not torch.equal(base[name], tuned[name])
    }


def test_extract_sees_the_sign_of_zero():
    delta = extract(
        {'x': torch.zeros(4)}, {'x': torch.tensor([0, 0, -0.0, 0])}
    )
    assert delta.selection['x'].tolist() == [2]


@pytest.mark.parametrize(('changed', 'is_whole'), [(2, False), (3, True)])
def test_mostly_changed_is_kept_whole(changed, is_whole):
    tuned = torch.zeros(4)
    tuned[:changed] = 1
    delta = extract({'x': torch.zeros(4)}, {'x': tuned})
    assert ('x' not in delta.selection) is is_whole
    assert len(delta.changes['x'].values) == (4 if is_whole else 2)


def test_a_tensor_that_the_base_lacks_is_new(base, tuned, state_bits):
    del base['head.weight'], base['head.bias']
    delta = extract(base, tuned)
    assert delta.new == {'head.weight', 'head.bias'}
    assert state_bits(merged_state(base, delta)) == state_bits(tuned)


def test_states_that_do_not_fit_are_refused(base, tuned):
    less = {n: t for n, t in tuned.items() if n != 'head.bias'}
    with pytest.raises(ValueError, match=r'none for 1 of them \(head.bias'):
        extract(base, less)
    other = {**tuned, 'head.bias': torch.zeros(150)}
    with pytest.raises(ValueError, match=r'\(150,\).*head for other classes'):
        extract(base, other)
    with pytest.raises(ValueError, match=r'torch.float64 \(head.bias'):
        extract(base, {**tuned, 'head.bias': tuned['head.bias'].double()})


def test_a_diverged_training_is_not_saved(base, tuned):
    tuned['head.weight'][0] = float('nan')
    with pytest.raises(ValueError, match=r'finite.*\(head.weight\)'):
        extract(base, tuned)


WHOLE = ('backbone.0.bias', 'backbone.2.bias', 'head.weight')


def test_a_baseline_gives_the_delta_without_the_base(
    model, base, tuned, delta, state_bits
):
    baseline = Baseline.of(model, delta.selection, WHOLE)
    model.load_state_dict(tuned)
    for source in (model, tuned):
        made = baseline.delta(source)
        assert made.changes.keys() == delta.changes.keys()
        assert {n: c.base for n, c in made.changes.items()} == {
            n: c.base for n, c in delta.changes.items()
        }
        assert state_bits(merged_state(base, made)) == state_bits(tuned)


def test_a_baseline_is_data_and_small(model, delta):
    baseline = Baseline.of(model, delta.selection, WHOLE, new=['head.bias'])
    text = json.dumps([list(baseline.whole), dict(baseline.digests)])
    whole, digests = json.loads(text)
    again = Baseline(delta.selection, whole, digests)
    made = again.delta(model)
    assert made.new == {'head.bias'}
    assert made.changes.keys() == {*delta.selection, *WHOLE, 'head.bias'}
    with applied(model, made):
        pass


def test_a_baseline_takes_persistent_buffers_only(delta):
    model = nn.BatchNorm1d(2)
    model.register_buffer('scratch', torch.zeros(1), persistent=False)
    empty = Selection({}, {})
    assert 'scratch' not in Baseline.of(model, empty, []).digests


def test_a_baseline_refuses_unknown_names(model, delta):
    with pytest.raises(ValueError, match=r"got \['nothing'\]"):
        Baseline.of(model, delta.selection, ['nothing'])
    selected = next(iter(delta.selection))
    with pytest.raises(
        ValueError, match=rf'without selected entries.*{selected}'
    ):
        Baseline.of(model, delta.selection, WHOLE, new=[selected])
    baseline = Baseline.of(model, delta.selection, WHOLE)
    state = copy.deepcopy(model.state_dict())
    del state['head.weight']
    with pytest.raises(ValueError, match=r"none for \['head.weight'\]"):
        baseline.delta(state)
