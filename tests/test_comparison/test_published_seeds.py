# Copyright (c) gps_seg contributors. Apache-2.0.
"""Published summaries that are made of the files of others."""

from statistics import fmean, stdev

import pytest

from gps_seg.comparison import read_summary


@pytest.fixture(scope='module')
def rows(request):
    """Rows by variant: of seeds 0 and 1, of seed 2, and of all three."""
    results = request.config.rootpath / 'docs/results'
    return [
        {row['variant']: row for row in read_summary(path)['variants']}
        for path in (
            results / 'methods_kvasir.json',
            results / 'methods_kvasir_seed2.json',
            results / 'methods_kvasir_seeds.json',
        )
    ]


def spreads(row):
    """Means, deviations and scores by seed, by data set, kind and metric."""
    return {
        (of, kind, metric): spread
        for of, scores in row['scores'].items()
        for kind, by_metric in scores.items()
        for metric, spread in by_metric.items()
    }


def test_scores_are_those_of_all_seeds(rows):
    two, third, all_three = rows
    assert list(two) == list(all_three)
    for variant, row in all_three.items():
        parts = [spreads(each[variant]) for each in (two, third)]
        found = spreads(row)
        assert row['seeds'] == [0, 1, 2] and found.keys() == parts[0].keys()
        for key, spread in found.items():
            values = [v for part in parts for v in part[key]['per_seed']]
            assert spread['per_seed'] == values
            assert spread['mean'] == pytest.approx(fmean(values))
            assert spread['sd'] == pytest.approx(stdev(values))


def test_curves_are_means_of_all_seeds(rows):
    two, third, all_three = rows
    for variant, row in all_three.items():
        curves = [two[variant]['curve']] * 2 + [third[variant]['curve']]
        for point, *points in zip(row['curve'], *curves, strict=True):
            assert point == pytest.approx(
                [fmean(v) for v in zip(*points, strict=True)]
            )


def test_costs_are_those_that_were_measured(rows):
    _, third, all_three = rows
    for variant, row in all_three.items():
        assert row['costs'] == third[variant]['costs']
        assert row['trained'] == rows[0][variant]['trained']


def test_a_step_costs_as_much_in_a_longer_training(rows, repo_dir):
    path = repo_dir / 'docs/results/methods_kvasir_long.json'
    for row in read_summary(path)['variants']:
        assert row['costs'] == rows[1][row['variant']]['costs']
