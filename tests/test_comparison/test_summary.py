"""The summary of a comparison, and the tables made from it."""

import copy
import csv
import json
import statistics

import pytest
from synthetic_runs import comparison, run_record

from gps_seg.comparison import (
    paired_difference,
    read_summary,
    summarise,
    write_csv,
    write_markdown,
    write_summary,
)

LEVELS = {'full': (86, 80_000_000), 'gps': (87, 170_000), 'bias': (85, 90_000)}
COSTS = {
    'gps': {
        'step_ratio': 0.625,
        'peak_bytes': 3 * 2**20,
        'saved_bytes': None,
        'peaks': [3, 3],
    }
}


@pytest.fixture(scope='module')
def runs():
    return comparison(LEVELS)


@pytest.fixture(scope='module')
def summary(runs):
    finals, rate_runs = runs
    return summarise(
        finals,
        ['full', 'bias'],
        rate_runs=rate_runs,
        costs=COSTS,
        failed={'lora': 'Traceback\nOutOfMemoryError: 3 | GiB', 'bias': 'no'},
    )


def row_of(summary, variant):
    (row,) = [row for row in summary['variants'] if row['variant'] == variant]
    return row


def lines_with(text, start):
    return [line for line in text.splitlines() if line.startswith(start)]


def test_a_row_has_means_and_deviations_over_the_seeds(summary, runs):
    of_gps = [run for run in runs[0] if run.variant == 'gps']
    row = row_of(summary, 'gps')
    for of in ('validation', 'clinic', 'centre'):
        for metric in ('Dice', 'IoU'):
            means = [
                statistics.fmean(run.scores[of].per_image[metric])
                for run in of_gps
            ]
            spread = row['scores'][of]['per_image'][metric]
            assert spread['mean'] == pytest.approx(statistics.fmean(means))
            assert spread['sd'] == pytest.approx(statistics.stdev(means))
        pooled = [run.scores[of].pooled['mDice'] for run in of_gps]
        spread = row['scores'][of]['pooled']['mDice']
        assert spread['mean'] == pytest.approx(statistics.fmean(pooled))
    assert row['trained'] == 170_000
    assert row['trained_percent'] == pytest.approx(100 * 17 / 9000)
    assert row['costs'] == COSTS['gps']
    assert row['seeds'] == [0, 1, 2]


def test_curves_are_means_at_common_iterations():
    runs = [
        run_record('gps', 0, [80], curve=[[1, 10.0], [2, 20.0], [3, 30.0]]),
        run_record('gps', 1, [80], curve=[[1, 20.0], [3, 50.0]]),
    ]
    row = row_of(summarise(runs, []), 'gps')
    assert row['curve'] == [[1, 15.0], [3, 40.0]]


def test_a_single_seed_has_no_deviation():
    row = row_of(summarise([run_record('gps', 0, [80, 90])], []), 'gps')
    spread = row['scores']['validation']['per_image']['Dice']
    assert spread == {'mean': 85.0, 'sd': None, 'per_seed': [85.0]}


def test_every_variant_is_compared_with_every_reference(summary, runs):
    keys = [
        (row['variant'], row['reference'], row['set'], row['metric'])
        for row in summary['differences']
    ]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {
        (variant, reference, *compared)
        for variant in LEVELS
        for reference in ('full', 'bias')
        if variant != reference
        for compared in [
            ('validation', 'Dice'),
            ('validation', 'IoU'),
            ('clinic', 'Dice'),
            ('centre', 'Dice'),
        ]
    }
    scores = {
        name: {
            r.seed: r.scores['clinic'] for r in runs[0] if r.variant == name
        }
        for name in LEVELS
    }
    expected = paired_difference(scores['gps'], scores['bias'], 'Dice')
    row = summary['differences'][keys.index(('gps', 'bias', 'clinic', 'Dice'))]
    assert (row['mean'], row['low'], row['high']) == expected[:3]


def test_groups_apply_to_the_data_set_that_they_are_given_for(runs):
    images = runs[0][0].validation.images
    groups = {image: image[-1] for image in images}
    found = summarise(runs[0], ['full'], groups={'validation': groups})
    numbers = {row['set']: row['num_groups'] for row in found['differences']}
    assert numbers == {'validation': 10, 'clinic': 40, 'centre': 40}


def test_rates_and_their_edges_are_in_the_rows(summary):
    assert summary['rates']['full']['best'] == 0.1
    assert [rate for rate, _ in summary['rates']['full']['scores']] == [
        0.1,
        0.3,
        1.0,
    ]
    assert row_of(summary, 'full')['rate_edge'] == 'lowest'
    assert row_of(summary, 'gps')['rate_edge'] == ''
    assert row_of(summary, 'bias')['rate_edge'] == 'highest'


def test_failed_variants_are_rows_that_say_so(summary):
    row = row_of(summary, 'lora')
    assert (row['status'], row['error'][:9]) == ('failed', 'Traceback')
    row = row_of(summary, 'bias')  # only some of its runs failed
    assert (row['status'], row['error']) == ('finished', 'no')


def test_a_reference_that_failed_gives_no_differences():
    runs = [run_record('gps', 0, [80])]
    found = summarise(runs, ['full'], failed={'full': 'no'})
    assert found['differences'] == []
    assert 'Differences' not in '\n'.join(found['references'])


def test_variants_without_a_common_seed_are_not_compared():
    runs = [run_record('gps', 0, [80]), run_record('full', 1, [80])]
    assert summarise(runs, ['full'])['differences'] == []


@pytest.mark.parametrize(
    ('runs', 'references', 'message'),
    [
        ([], [], 'got none'),
        ([run_record('a', 0, [1])] * 2, [], 'two of a with seed 0'),
        ([run_record('a', 0, [1])], ['b'], 'any of a, got b'),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, references, message):
    with pytest.raises(ValueError, match=message):
        summarise(runs, references)


def test_the_file_holds_the_summary_and_no_single_images(summary, tmp_path):
    path = write_summary(summary, tmp_path)
    assert read_summary(path) == summary
    assert 'image7' not in path.read_text()


def test_a_summary_of_another_version_is_refused(tmp_path):
    path = tmp_path / 'summary.json'
    path.write_text(json.dumps({'schema': 99}))
    with pytest.raises(ValueError, match='schema 1, got 99'):
        read_summary(path)


@pytest.mark.parametrize('kind', ['per_image', 'pooled'])
def test_a_summary_with_scores_that_cannot_be_is_refused(
    summary, tmp_path, kind
):
    changed = copy.deepcopy(summary)
    spreads = row_of(changed, 'gps')['scores']['clinic'][kind]
    dice, iou = spreads
    spreads[dice]['mean'], spreads[iou]['mean'] = 88.1, 72.5
    path = write_summary(changed, tmp_path)

    with pytest.raises(ValueError, match=r'got 88.1 \(gps on clinic, .*json'):
        read_summary(path)


def test_the_csv_file_has_unrounded_numbers(summary, tmp_path):
    with write_csv(summary, tmp_path).open(newline='') as file:
        lines = {line['variant']: line for line in csv.DictReader(file)}
    assert list(lines) == ['full', 'gps', 'bias', 'lora']
    spread = row_of(summary, 'gps')['scores']['clinic']['per_image']['Dice']
    assert float(lines['gps']['clinic per_image Dice']) == spread['mean']
    assert float(lines['gps']['clinic per_image Dice sd']) == spread['sd']
    assert lines['gps']['step_ratio'] == '0.625'
    assert lines['bias']['step_ratio'] == ''
    assert 'peaks' not in lines['gps']
    (row,) = [
        row
        for row in summary['differences']
        if row['variant'] == 'gps'
        and (row['reference'], row['set']) == ('full', 'centre')
    ]
    assert float(lines['gps']['centre Dice - full low']) == row['low']
    assert lines['lora']['status'] == 'failed'


def test_the_tables_show_what_the_summary_holds(summary, tmp_path):
    text = write_markdown(summary, tmp_path).read_text()
    row = row_of(summary, 'gps')
    dice = row['scores']['validation']['per_image']['Dice']
    main = lines_with(text, '| gps |')[0]
    assert f'| {dice["mean"]:.2f} ± {dice["sd"]:.2f} |' in main
    assert '| 0.3 | 170,000 | 0.189 | 0.65 | 0.62 | 3 |' in main
    assert 'saved' not in text  # nobody measured it
    assert '| 0.1 (edge) |' in lines_with(text, '| full |')[0]
    assert '| lora | failed | - |' in text
    assert '- `lora`: a run failed with `OutOfMemoryError: 3 | GiB`' in text
    difference = summary['differences'][0]
    assert f'{difference["mean"]:+.2f} [{difference["low"]:+.2f}, ' in text
    assert '### To bias' in text
    best = summary['rates']['gps']['scores'][1][1]
    assert f'| **{best:.2f}** |' in text


def test_tables_leave_out_what_there_is_no_data_for(tmp_path):
    summary = summarise([run_record('gps', 0, [80, 90])], [])
    text = write_markdown(summary, tmp_path).read_text()
    headings = lines_with(text, '#')
    assert headings == ['## Scores and costs']
    assert 'One run each, with seed 0' in text
    assert 'step' not in text
    (line,) = lines_with(text, '| gps |')
    assert '±' not in line


def test_every_row_of_a_table_has_as_many_cells_as_its_head(summary, tmp_path):
    text = write_markdown(summary, tmp_path).read_text()
    for block in text.split('\n\n'):
        if block.startswith('|'):
            rows = block.replace(r'\|', '').splitlines()
            assert len({row.count('|') for row in rows}) == 1
