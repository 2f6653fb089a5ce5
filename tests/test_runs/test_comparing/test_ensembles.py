# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which ensembles of a comparison are scored, and when."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from comparison_jobs import finish, make
from comparison_records import scores_of
from filelock import FileLock

from gps_seg.runs.comparing import ensembles, worker
from gps_seg.runs.comparing.ensembles import all_ensembles, score_ensembles
from gps_seg.runs.scoring import ensembles as between


class Base(list):
    """Stands in for a model: a list with its alpha."""

    def to(self, device):
        return self


class Images:
    """Stands in for a data set."""

    def score(self, base, after_batch):
        return scores_of(list(base))


@contextmanager
def put(base, alpha):
    base[0] = alpha
    yield


def load(path):
    plan = ['added'] if 'b_c' in path.parts else []
    return SimpleNamespace(info=SimpleNamespace(plan=plan))


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Finished runs of variant a, and of b c, which adds modules."""
    jobs = make(tmp_path, rates=[], tuning=None)
    for job in jobs.ready():
        finish(job)
        (job.folder / 'delta.safetensors').touch()
    monkeypatch.setattr(ensembles.Delta, 'load', load)
    monkeypatch.setattr(ensembles, 'build_base', lambda *_: Base([None]))
    monkeypatch.setattr(between, 'scaled', lambda base, delta, alpha: alpha)
    monkeypatch.setattr(between, 'applied', put)
    sets = {'validation': Images()}
    monkeypatch.setattr(ensembles, 'open_sets', lambda *_: sets)
    return jobs


def score(jobs, *alphas):
    lines = []
    score_ensembles(jobs, {}, alphas, lines.append)
    return [line.removeprefix('ensembles of base and ') for line in lines]


def test_each_run_without_additions_is_scored_at_each_alpha(jobs):
    score(jobs, 0.5, 1 / 3)
    found = all_ensembles(jobs)
    assert list(found) == ['a', 'b c']
    assert found['b c'] == {4: {}, 5: {}}
    for seed in (4, 5):
        assert found['a'][seed] == {
            alpha: {'validation': scores_of([alpha])} for alpha in (0.5, 1 / 3)
        }


def test_a_later_call_scores_only_what_is_missing(jobs):
    runs = ['a, seed 4', 'a, seed 5']
    assert set(runs) < set(score(jobs, 0.5, 1 / 3))
    assert score(jobs, 1 / 3) == []
    file = jobs.ready()[0].folder / 'ensembles.json'
    file.write_text(file.read_text().replace('"Dice"', '"kept"'))
    assert score(jobs, 0.5, 0.25) == runs
    kept, new = (all_ensembles(jobs)['a'][4][alpha] for alpha in (0.5, 0.25))
    assert list(kept['validation'].per_image) == ['kept', 'IoU']
    assert new == {'validation': scores_of([0.25])}


def test_without_alphas_nothing_is_scored(jobs):
    assert score(jobs) == []
    assert all_ensembles(jobs) == {}


def test_a_run_of_which_only_the_record_is_there_is_left_out(jobs):
    first = jobs.ready()[0]
    (first.folder / 'delta.safetensors').unlink()
    told, *scored = score(jobs, 0.5)
    assert first.label in told and 'left out' in told
    assert 'a, seed 5' in scored and first.label not in scored
    assert list(all_ensembles(jobs)['a']) == [5]
    assert score(jobs) == []


def test_a_run_that_another_worker_scores_is_waited_for(jobs, monkeypatch):
    first = jobs.ready()[0]
    lock = FileLock(first.folder / '.lock')
    lock.acquire()
    waits = []

    def wait(seconds):
        waits.append(seconds)
        theirs = {0.5: {'validation': scores_of([0.5])}}
        between.write_scores(theirs, first.folder / 'ensembles.json')
        lock.release()

    monkeypatch.setattr(worker.time, 'sleep', wait)
    assert first.label not in score(jobs, 0.5)
    assert len(waits) == 1
