# Copyright (c) gps_seg contributors. Apache-2.0.
"""Ensembles of base and tuned weights: means and differences by alpha."""

import numpy as np
import pytest
from synthetic_runs import comparison, set_scores

from gps_seg.comparison import paired_difference, summarise, write_markdown
from gps_seg.comparison.ensembles_text import ensembles_table

LEVELS = {'full': (86, 80_000_000), 'gps': (87, 170_000), 'lora': (85, 9_000)}
SETS = ('validation', 'clinic', 'centre')
ALPHAS = (0.0, 0.5)


def ensembles_of(runs):
    """Scores of both alphas of two variants; the third adds modules."""
    generator = np.random.default_rng(3)
    found = {'full': {}, 'gps': {}, 'lora': {}}
    for run in runs:
        found[run.variant][run.seed] = {
            alpha: {
                of: set_scores(
                    np.array(run.scores[of].per_image['Dice'])
                    - 10 * (1 - alpha)
                    + generator.normal(0, 1, 40)
                )
                for of in SETS
            }
            for alpha in (ALPHAS if run.variant != 'lora' else ())
        }
    return found


@pytest.fixture(scope='module')
def runs():
    return comparison(LEVELS, rates=0)[0]


@pytest.fixture(scope='module')
def ensembles(runs):
    return ensembles_of(runs)


@pytest.fixture(scope='module')
def summary(runs, ensembles):
    return summarise(runs, [], ensembles=ensembles)


def dice(scores):
    return np.array(scores.per_image['Dice'])


def test_each_alpha_has_the_mean_over_seeds_and_images(
    summary, runs, ensembles
):
    rows = summary['ensembles']['rows']
    assert [(row['variant'], row['set']) for row in rows] == [
        (name, of) for name in ('full', 'gps') for of in SETS
    ]
    for row in rows:
        name, of = row['variant'], row['set']
        own = [run for run in runs if run.variant == name]
        expected = [
            np.mean([dice(mixed[alpha][of]) for mixed in by_seed.values()])
            for by_seed in [ensembles[name]]
            for alpha in ALPHAS
        ]
        tuned = np.mean([dice(run.scores[of]) for run in own])
        alphas, means = zip(*row['scores'], strict=True)
        assert alphas == (*ALPHAS, 1.0)
        assert means == pytest.approx((*expected, tuned))


def test_each_alpha_is_compared_with_the_tuned_model(summary, runs, ensembles):
    groups = {f'image{i}': str(i // 4) for i in range(40)}
    grouped = summarise(
        runs, [], ensembles=ensembles, groups={'clinic': groups}
    )
    for found, own_groups in ((summary, None), (grouped, groups)):
        (row,) = [
            row
            for row in found['ensembles']['rows']
            if (row['variant'], row['set']) == ('gps', 'clinic')
        ]
        tuned = {
            r.seed: r.scores['clinic'] for r in runs if r.variant == 'gps'
        }
        for alpha, difference in zip(ALPHAS, row['differences'], strict=True):
            mixed = {
                seed: by_alpha[alpha]['clinic']
                for seed, by_alpha in ensembles['gps'].items()
            }
            expected = paired_difference(mixed, tuned, 'Dice', own_groups)
            assert difference['alpha'] == alpha
            ends = [difference[key] for key in ('mean', 'low', 'high')]
            assert ends == list(expected[:3])


def test_the_tuned_model_is_compared_over_the_same_seeds(runs, ensembles):
    """A seed without ensembles counts on neither side."""
    part = {'gps': {0: ensembles['gps'][0], 2: ensembles['gps'][2]}}
    (row, *_) = summarise(runs, [], ensembles=part)['ensembles']['rows']
    own = {r.seed: r.validation for r in runs if r.variant == 'gps'}
    expected = np.mean([dice(own[seed]) for seed in (0, 2)])
    assert dict(map(tuple, row['scores']))[1.0] == pytest.approx(expected)


def test_only_alphas_of_all_seeds_are_reported(runs, ensembles):
    some = dict(ensembles['gps'])
    some[1] = {0.5: some[1][0.5], 0.7: some[1][0.5]}
    found = summarise(runs, [], ensembles={'gps': some})['ensembles']
    for row in found['rows']:
        assert [alpha for alpha, _ in row['scores']] == [0.5, 1.0]


def test_a_variant_that_adds_modules_is_left_out_and_named(summary, tmp_path):
    assert summary['ensembles']['left_out'] == ['lora']
    text = write_markdown(summary, tmp_path).read_text()
    section = text.partition('## Weight-space ensembles')[2]
    assert 'Left out: `lora`. Modules that a method adds' in section
    assert '| lora |' not in section


def test_without_ensembles_there_is_no_section(runs, tmp_path):
    summary = summarise(runs, [])
    assert summary['ensembles'] is None
    assert 'ensembles' not in write_markdown(summary, tmp_path).read_text()
    assert ensembles_table(summary) == ''


def test_a_cell_has_the_score_and_its_marked_difference(summary):
    head, _, *lines = ensembles_table(summary).splitlines()
    assert head == '| variant | data set | alpha 0 | alpha 0.5 | alpha 1 |'
    rows = summary['ensembles']['rows']
    for line, row in zip(lines, rows, strict=True):
        low, half, tuned = (score for _, score in row['scores'])
        first, second = row['differences']
        assert first['high'] < 0
        assert line.startswith(
            f'| {row["variant"]} | {row["set"]} '
            f'| {low:.2f}, {first["mean"]:+.2f} [{first["low"]:+.2f}, '
            f'{first["high"]:+.2f}] \\* | {half:.2f}, {second["mean"]:+.2f} ['
        )
        assert line.endswith(f' | {tuned:.2f} |')
