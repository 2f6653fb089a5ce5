# Copyright (c) gps_seg contributors. Apache-2.0.
"""The runs of a comparison: which there are, and which may begin."""

import pytest
from comparison_jobs import VARIANTS, config, fail, finish, make
from comparison_records import scores_of

from gps_seg.runs.comparing import comparison
from gps_seg.runs.comparing.comparison import check_finished
from gps_seg.runs.comparing.report import write_report


@pytest.fixture
def jobs(tmp_path):
    return make(tmp_path)


def labels(jobs):
    return [job.label for job in jobs.ready()]


def test_rates_come_first_and_variants_take_turns(jobs):
    assert labels(jobs) == [
        'a rate 0.1, seed 7',
        'b c rate 0.1, seed 7',
        'a rate 10, seed 7',
        'b c rate 10, seed 7',
    ]
    assert jobs.number == 8


def test_final_runs_follow_at_the_best_rate_of_each(jobs):
    for job in jobs.ready():
        is_best = job.rate == (10 if job.variant.name == 'a' else 0.1)
        finish(job, dice=80.0 if is_best else 70.0)
    assert labels(jobs)[4:] == [
        'a rate 10, seed 4',
        'b c rate 0.1, seed 4',
        'a rate 10, seed 5',
        'b c rate 0.1, seed 5',
    ]


def test_a_variant_does_not_wait_for_the_rates_of_others(jobs):
    for job in jobs.tuning_runs['a']:
        finish(job)
    assert labels(jobs)[4:] == ['a rate 0.1, seed 4', 'a rate 0.1, seed 5']


def test_a_final_run_at_a_rate_that_is_not_the_best_is_refused(tmp_path):
    first = make(tmp_path)
    for job in first.tuning_runs['a']:
        finish(job, dice=job.rate)
    finish(first.final_runs(VARIANTS[0])[0])
    second = make(tmp_path, rates=[0.1, 10, 30])
    assert second.ready()[0].is_finished  # the rate 0.1
    finish(second.tuning_runs['a'][2], dice=30.0)
    with pytest.raises(ValueError, match='the run a rate 30, seed 4 of this'):
        second.ready()


def test_a_rate_that_failed_is_not_taken(jobs):
    first, second = jobs.tuning_runs['a']
    fail(first)
    finish(second, dice=0.0)
    assert {job.rate for job in jobs.final_runs(VARIANTS[0])} == {10}
    assert jobs.failed() == {'a': 'a rate 0.1, seed 7: no memory'}


def test_a_variant_without_any_rate_has_no_final_run(jobs):
    for job in jobs.tuning_runs['a']:
        fail(job)
    assert jobs.final_runs(VARIANTS[0]) == []


def test_without_rates_the_config_is_trained_as_it_is(tmp_path):
    jobs = make(tmp_path, rates=[], tuning=None)
    assert labels(jobs) == [
        'a, seed 4',
        'b c, seed 4',
        'a, seed 5',
        'b c, seed 5',
    ]
    assert {job.rate for job in jobs.ready()} == {None}


def test_without_rates_to_tune_known_rates_are_taken(tmp_path):
    jobs = make(tmp_path, rates=[], tuning=None, known_rates={'a': 3, 'z': 9})
    assert labels(jobs) == [
        'a rate 3, seed 4',
        'b c, seed 4',
        'a rate 3, seed 5',
        'b c, seed 5',
    ]
    keys = jobs.ready()[0].config.optim_wrapper.paramwise_cfg.custom_keys
    assert keys.backbone.lr_mult == 3


def test_tuned_rates_come_before_known_ones(tmp_path):
    jobs = make(tmp_path, known_rates={'a': 3})
    for job in jobs.tuning_runs['a']:
        finish(job, dice=80.0 if job.rate == 10 else 70.0)
    assert {job.rate for job in jobs.final_runs(VARIANTS[0])} == {10}


def test_if_all_failed_the_report_says_why(jobs):
    for job in jobs.ready():
        fail(job)
    with pytest.raises(ValueError, match='2 that failed, such as .* no mem'):
        write_report(jobs, [], {}, None)


def test_what_has_failed_has_no_costs(jobs, monkeypatch):
    measured = []
    monkeypatch.setattr(
        comparison, 'measure_costs', lambda *asked: measured.append(asked)
    )
    for job in jobs.ready():  # those that tune
        finish(job)
    for variant in VARIANTS:
        for job in jobs.final_runs(variant):
            fail(job)
    comparison._costs(jobs, 'a', 1)
    assert measured == []
    finish(jobs.final_runs(VARIANTS[0])[0])
    comparison._costs(jobs, 'b c', 1)
    ((configs, reference, *_),) = measured
    assert list(configs) == ['a'] and reference == 'a'


def test_a_run_has_variant_rate_seed_and_folder_in_its_config(jobs, tmp_path):
    last = jobs.tuning_runs['b c'][1]
    own = last.config
    assert own.work_dir == str(tmp_path / 'rates' / 'b_c' / '10-7')
    assert own.randomness.seed == 7
    assert own.custom_hooks[0].method.k == 2
    keys = own.optim_wrapper.paramwise_cfg.custom_keys
    assert keys.backbone.lr_mult == 10


def test_a_moved_folder_has_the_same_runs(tmp_path):
    for job in make(tmp_path / 'one').ready():
        finish(job)
    (tmp_path / 'one').rename(tmp_path / 'two')
    moved = make(tmp_path / 'two').ready()
    assert [job.record.rate for job in moved[:4]] == [0.1, 0.1, 10, 10]


def test_a_run_of_another_config_is_refused(tmp_path):
    (job, *_) = make(tmp_path).ready()
    finish(job)
    (other, *_) = make(tmp_path, tuning=config(lr=2.0)).ready()
    with pytest.raises(ValueError, match='a rate 0.1, seed 7 of this config'):
        other.record  # noqa: B018


def test_finished_runs_with_scores_of_other_images_are_refused(tmp_path):
    jobs = make(tmp_path, rates=[], tuning=None)
    first, second, *_ = jobs.ready()
    scores = scores_of([50.0])
    both = {'validation': scores, 'other': scores}
    finish(first, scores=both)
    check_finished(jobs, {'other': {}})
    with pytest.raises(ValueError, match=r"on \['validation'\] of a, seed 4"):
        check_finished(jobs, {})
    finish(second)
    with pytest.raises(ValueError, match='of b c, seed 4, got .*Remove'):
        check_finished(jobs, {'other': {}})


def test_a_finished_run_of_another_config_is_refused_before_training(tmp_path):
    finish(make(tmp_path, rates=[], tuning=None).ready()[0])
    jobs = make(tmp_path, rates=[], tuning=None, final=config(lr=2.0))
    with pytest.raises(ValueError, match='got one of another config'):
        check_finished(jobs, {})


def test_a_run_that_was_scored_on_other_unseen_images_is_refused(tmp_path):
    """Names of sets and images alone do not tell."""
    final = config()
    final.unseen = dict(blur=dict(severity=3))
    jobs = make(tmp_path, rates=[], tuning=None, final=final)
    finish(jobs.ready()[0])
    changed = config()
    changed.unseen = dict(blur=dict(severity=5))
    with pytest.raises(ValueError, match='got one of another config'):
        make(tmp_path, rates=[], tuning=None, final=changed).ready()
