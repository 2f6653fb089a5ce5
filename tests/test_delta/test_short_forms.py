"""What a notebook shows of a delta is one short line."""

import pytest
import torch

from gps_seg.delta import Delta, DeltaInfo, overlap, quantized, rounded
from gps_seg.delta.baseline import Baseline
from gps_seg.delta.change import Change
from gps_seg.delta.values import Exact


def test_a_delta_is_its_counts_and_its_method(delta):
    assert repr(delta) == 'Delta(7 tensors, 306 entries selected, gps k=1)'
    bias = delta.restricted(lambda name: name == 'backbone.0.bias')
    assert repr(Delta(bias.changes)) == 'Delta(1 tensor)'


def test_the_facts_are_counted_not_printed(delta):
    """The config, 150 classes and 150 scores would fill the screen."""
    assert repr(delta.info) == (
        'DeltaInfo(gps k=1, 2 classes, mDice 88.25, config of 2 lines)'
    )
    many = DeltaInfo(
        classes=tuple(f'class {i}' for i in range(150)),
        metric={f'IoU.{i}': 1 / 3 for i in range(150)},
        config='x = 1\n' * 400,
        seed=3,
    )
    assert repr(many) == (
        'DeltaInfo(150 classes, IoU.0 0.33, IoU.1 0.33, 148 more metrics, '
        'config of 400 lines, seed 3)'
    )
    assert repr(DeltaInfo()) == 'DeltaInfo()'


@pytest.mark.parametrize('place', ['type', 'k'])
def test_a_strangers_method_neither_steers_the_terminal_nor_fills_it(place):
    info = DeltaInfo(method={'type': 'gps', place: '\x1b[2J\n' + 'x ' * 500})
    for text in (repr(info), repr(Delta({}, info))):
        assert text.isprintable()
        assert len(text) < 100
        assert text.endswith('...)')


def test_a_change_says_how_much_of_its_tensor_it_is(delta, base):
    def form(changed, name):
        return repr(changed.changes[name])

    name, bias = 'backbone.0.weight', 'backbone.2.bias'
    assert form(delta, name) == (
        'Change([6, 3, 2, 2], 6 of 72 entries, float32)'
    )
    assert form(delta, bias) == 'Change([300], whole, float32)'
    assert form(rounded(delta, torch.float16), bias) == (
        'Change([300], whole, float32 as float16)'
    )
    small = quantized(base, delta, bits=2)
    assert form(small, bias) == 'Change([300], whole, float32 in 2 bits)'
    assert repr(small.changes[bias].values) == 'Coded(300 x 2 bits)'
    values = Exact(torch.zeros(5))
    assert repr(values) == 'Exact(5 x torch.float32)'
    new = Change(torch.Size([5]), torch.float32, values)
    assert repr(new) == 'Change([5], new, float32)'


def test_a_change_that_is_refused_has_a_form_too():
    change = Change(torch.Size([1]), torch.bool, Exact(torch.zeros(1)))
    assert repr(change) == 'Change([1], new, torch.bool as float32)'


def test_an_overlap_is_counts_and_a_share(delta):
    assert repr(overlap([delta, delta])[-1]) == (
        'Overlap(total: 306 of 306 entries in common, 100.0%)'
    )


def test_a_baseline_is_its_counts(model, delta):
    baseline = Baseline.of(model, delta.selection, ['head.weight'])
    count = len(model.state_dict())
    assert repr(baseline) == (
        f'Baseline({count} tensors, 306 entries selected, 1 whole)'
    )
