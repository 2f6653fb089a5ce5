"""One variant in several comparisons."""

import pytest
from synthetic_runs import run_record

from gps_seg.comparison import SetScores, across, summarise
from gps_seg.comparison.tables import difference_table
from gps_seg.visualization import plot_summary


def study(*gains, unseen=None):
    """GPS is above biases by a gain with each seed, and below full tuning."""

    def run(variant, seed, level):
        dice = [50.0 + level, 60.0 + level]
        return run_record(variant, seed, dice, unseen=unseen)

    runs = [
        run(variant, seed, level)
        for seed, gain in enumerate(gains)
        for variant, level in (('gps', gain), ('bias', 0), ('full', 9))
    ]
    return summarise(runs, ['bias', 'full'])


def classification():
    """A comparison of classifiers, whose metric is the accuracy."""

    def run(variant, *right):
        scores = SetScores(
            images=['a', 'b'], per_image={'accuracy': list(right)}, pooled={}
        )
        return run_record(
            variant, 3, [1.0, 1.0], scores={'validation': scores}
        )

    runs = [run('gps', 100.0, 100.0), run('bias', 100.0, 0.0)]
    return summarise(runs, ['bias'])


@pytest.fixture
def summary():
    small = study(1.0, 3.0, unseen={'clinic': [10.0, 20.0]})
    studies = {
        'small': small,
        'large': study(4.0),
        'flowers': classification(),
    }
    return across(studies, 'gps')


def test_rows_are_the_differences_of_each_comparison(summary):
    rows = {(r['variant'], r['reference']): r for r in summary['differences']}
    means = {key: pytest.approx(row['mean']) for key, row in rows.items()}
    assert means == {
        ('small', 'bias'): 2.0,
        ('small', 'full'): -7.0,
        ('large', 'bias'): 4.0,
        ('large', 'full'): -5.0,
        ('flowers', 'bias'): 50.0,
    }
    assert [r['num_seeds'] for r in rows.values()] == [2, 2, 1, 1, 1]
    assert summary['references'] == ['bias', 'full']
    assert summary['seeds'] == [0, 1, 3]


def test_it_has_tables_and_a_picture(summary, tmp_path):
    lines = difference_table(summary, 'full').splitlines()
    assert lines[0] == '| variant | score | seeds |'
    assert [line.split(' | ')[0] for line in lines[2:]] == [
        '| small',
        '| large',
    ]
    (picture,) = plot_summary(summary, tmp_path)
    assert picture == tmp_path / 'differences.png'


def test_a_comparison_without_the_variant_is_named():
    studies = {'small': study(1.0), 'flowers': classification()}
    words = r"one of \['gps', 'full', 'bias'\], which small compares, got 'x'"
    with pytest.raises(ValueError, match=words):
        across(studies, 'x')
