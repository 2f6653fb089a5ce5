"""Medians, ratios and the table, from measurements made by hand."""

from dataclasses import replace

import pytest

from gps_seg.benchmark import (
    as_json,
    format_tables,
    plot_benchmark,
    summarize,
)
from gps_seg.benchmark.counters import Bytes, Counts
from gps_seg.benchmark.inference import TunedModel
from gps_seg.benchmark.results import Ratio, paired
from gps_seg.benchmark.rounds import Measurement
from gps_seg.benchmark.rows import Row
from gps_seg.benchmark.tasks.compilation import Compilation

MIB = 2**20


def measurement(label, seconds, saved, encoder, **kwargs):
    parts = Bytes(encoder * MIB, MIB)
    return Measurement(
        Row(label, None, label),
        seconds=seconds,
        peaks=[3 * MIB, 9 * MIB, 4 * MIB],
        loads=[0.0] * 3,
        counts=Counts(
            saved * MIB, parts, Bytes(*(2 * p for p in parts)), parts
        ),
        num_threads=1,
        tuned=TunedModel(trained=7, flops=1.25, merges=True),
        **kwargs,
    )


@pytest.fixture
def measurements():
    return [
        measurement('full', [[0.4, 0.5], [0.6, 9.0], [0.3]], 20, 100),
        measurement('bias', [[0.25], [0.25], [0.25]], 10, 1),
        Measurement(Row('lora', None, 'lora'), problem='needs peft'),
    ]


def test_medians_are_over_all_rounds(measurements):
    full = summarize(measurements[0])
    assert full.seconds == 0.5
    assert full.quartiles == (0.4, 0.6)
    assert full.peak == 4 * MIB


def test_ratios(measurements):
    full, bias, lora = as_json(measurements)
    assert full['ratios'] == {
        'time/full': 1.0,
        'time/bias': 1.6,  # of 0.4, 0.6 and 0.3 over 0.25
        'time/peft-lora': None,
        'saved/bias': 2.0,
        'grad+state/full': 1.0,
        'network/full': 1.0,
    }
    assert full['ratio_ranges']['time/bias'] == pytest.approx((1.2, 2.4))
    assert full['ratio_ranges']['time/peft-lora'] is None
    assert bias['ratios']['grad+state/full'] == 0.01
    assert lora == {
        'method': 'lora',
        'k': None,
        'label': 'lora',
        'settings': {},
        'attention': 'fused',
        'variant': 'plain',
        'match': None,
        'problem': 'needs peft',
    }


def test_tables_are_aligned_and_tell_what_is_missing(measurements):
    lines = format_tables(measurements).splitlines()
    assert ' '.join(lines[1].split()) == (
        'full 500.0 (400.0-600.0) 20.0 100.00 200.00 100.00 4 '
        '7 1.2500 (merges)'
    )
    head, full, bias = lines[4:7]
    assert ' '.join(bias.split()) == (
        'bias 0.625 (0.417-0.833) 1.000 (1.000-1.000) - - 1.000 0.010 0.010'
    )
    end = head.index('time/full') + len('time/full')
    assert full[:end].endswith(' 1.000') and bias[:end].endswith(' 0.625')
    assert 'lora: not measured (needs peft)' in lines


def test_rows_are_compared_with_those_of_the_same_attention():
    def row(label, attention, seconds):
        made = measurement(label, [[seconds]], 10, 1)
        return replace(made, row=Row('x', None, label, attention=attention))

    rows = [
        row('full', 'fused', 1.0),
        row('full (shipped)', 'shipped', 2.0),
        row('ours k=1 (shipped)', 'shipped', 1.5),
    ]
    ratios = as_json(rows)[2]['ratios']
    assert ratios['time/full'] == 0.75 and ratios['time/bias'] is None


def test_ratios_are_taken_round_by_round():
    """A busy second round changes both rows, and not their ratio."""
    assert paired([2.0, 20.0, 2.2], [1.0, 10.0, 1.0]) == Ratio(2.0, 2.0, 2.2)
    assert paired([3.0], [1.0]) == Ratio(3.0, 3.0, 3.0)


def test_compilation_is_told():
    made = measurement('full', [[1.0]], 10, 1)
    compiled = replace(made, compilation=Compilation(3, 2, 1))
    told = 'full: 3 compiled graphs, 2 graph breaks, 1 recompilations'
    assert told in format_tables([compiled])
    assert as_json([compiled])[0]['compilation']['again'] == 1


def test_picture_without_rows(tmp_path):
    with pytest.raises(ValueError, match='expected one or more rows'):
        plot_benchmark([], tmp_path / 'empty.png', '')
