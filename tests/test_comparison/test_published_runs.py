# Copyright (c) gps_seg contributors. Apache-2.0.
"""Published summaries are those of the published scores of single images."""

import tarfile
from pathlib import Path
from statistics import fmean, stdev

import pytest

from gps_seg.comparison import RunRecord, read_summary

RESULTS = Path(__file__).resolve().parents[2] / 'docs/results'
STUDIES = sorted(path.stem for path in (RESULTS / 'runs').glob('*.txz'))


@pytest.fixture(scope='module', params=STUDIES)
def study(request, tmp_path_factory):
    """A summary, and the records of its runs by variant and seed."""
    folder = tmp_path_factory.mktemp(request.param)
    # extractall has its filter from Python 3.11.4 on, so not everywhere.
    with tarfile.open(RESULTS / f'runs/{request.param}.txz') as archive:
        for member in archive:
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())
    records = [
        RunRecord.read(path.parent)
        for path in (folder / 'seeds').rglob('record.json')
    ]
    runs = {(record.variant, record.seed): record for record in records}
    assert len(runs) == len(records)
    return read_summary(RESULTS / f'{request.param}.json'), runs


def test_there_are_published_runs():
    assert STUDIES


def test_every_run_of_the_summary_is_there_and_no_other(study):
    summary, runs = study
    rows = summary['variants']
    assert sorted(runs) == sorted(
        (row['variant'], seed) for row in rows for seed in row['seeds']
    )


def test_means_and_deviations_are_those_of_the_images(study):
    summary, runs = study
    for row in summary['variants']:
        for name, scores in row['scores'].items():
            for metric, spread in scores['per_image'].items():
                means = [
                    fmean(run.scores[name].per_image[metric])
                    for (variant, _), run in runs.items()
                    if variant == row['variant']
                ]
                assert spread['mean'] == pytest.approx(fmean(means))
                if len(means) > 1:
                    assert spread['sd'] == pytest.approx(stdev(means))


def test_differences_are_paired_by_seed_and_image(study):
    summary, runs = study
    assert summary['differences']
    for row in summary['differences']:
        values = []
        for variant, seed in runs:
            both = variant == row['variant'], (row['reference'], seed) in runs
            if all(both):
                ours, other = (
                    runs[name, seed].scores[row['set']]
                    for name in (variant, row['reference'])
                )
                assert ours.images == other.images
                pairs = zip(
                    ours.per_image[row['metric']],
                    other.per_image[row['metric']],
                    strict=True,
                )
                values.append(fmean(a - b for a, b in pairs))
        assert len(values) == row['num_seeds']
        assert row['mean'] == pytest.approx(fmean(values), abs=1e-9)
        assert row['low'] <= row['mean'] <= row['high']
