# Copyright (c) gps_seg contributors. Apache-2.0.
"""Workers take runs from one folder, each run once."""

import json
import subprocess
import sys
import threading
import time

import pytest
from comparison_jobs import fail, finish, make
from filelock import FileLock

from gps_seg.runs.comparing import worker
from gps_seg.runs.comparing.worker import alone_in, claimed, work


@pytest.fixture
def jobs(tmp_path):
    return make(tmp_path)


@pytest.fixture
def trained(monkeypatch):
    """Labels of the runs that were trained, by a trainer that only writes."""
    labels = []

    def run_job(job, unseen, others):
        labels.append(job.label)
        finish(job)

    monkeypatch.setattr(worker, 'run_job', run_job)
    return labels


def silent(_):
    pass


def test_all_runs_are_trained_in_their_order(jobs, trained):
    work(jobs, {}, silent)
    assert trained == [job.label for job in jobs.ready()]
    assert len(trained) == 8


def test_finished_runs_are_not_repeated(jobs, trained, tmp_path):
    work(jobs, {}, silent)
    trained.clear()
    work(make(tmp_path, seeds=[4, 5, 6]), {}, silent)
    assert [label[-6:] for label in trained] == ['seed 6', 'seed 6']


def test_a_run_that_fails_is_kept_and_the_others_go_on(
    jobs, monkeypatch, trained
):
    plain = worker.run_job

    def run_job(job, unseen, others):
        if job.variant.name == 'a' and job.rate == 10:
            raise MemoryError('3 GiB')
        plain(job, unseen, others)

    monkeypatch.setattr(worker, 'run_job', run_job)
    lines = []
    work(jobs, {}, lines.append)
    assert '  failed: 3 GiB' in lines
    assert len(trained) == 7
    (_, failed) = jobs.tuning_runs['a']
    told = json.loads((failed.folder / 'failed.json').read_text())
    assert 'run_job' in told['trace']
    trained.clear()
    work(jobs, {}, silent)
    assert trained == []


def test_a_run_that_another_worker_trains_is_left_to_it(
    jobs, trained, monkeypatch
):
    first = jobs.ready()[0]
    first.folder.mkdir(parents=True)
    other = FileLock(first.folder / '.lock')
    other.acquire()
    waits = []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            finish(first)
            other.release()

    monkeypatch.setattr(worker.time, 'sleep', wait)
    lines = []
    work(jobs, {}, lines.append)
    assert len(waits) == 2
    told = [line for line in lines if 'waiting' in line]
    assert told == ['waiting for runs of other workers: 1']
    assert first.label not in trained
    assert len(trained) == 7


HOLDER = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print('held', flush=True)
time.sleep(60)
"""


def test_the_run_of_a_killed_worker_is_free(jobs):
    job = jobs.ready()[0]
    job.folder.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, '-c', HOLDER, str(job.folder / '.lock')],
        stdout=subprocess.PIPE,
    ) as other:
        other.stdout.readline()
        with claimed(job.folder) as is_mine:
            assert not is_mine
        other.kill()
        other.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with claimed(job.folder) as is_mine:
            if is_mine:
                return
    raise AssertionError('the lock outlived its process')


def test_a_worker_waits_until_a_folder_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, '_SECONDS_BETWEEN_LOOKS', 0.01)
    held, order = threading.Event(), []

    def hold():
        with FileLock(tmp_path / '.lock'):
            held.set()
            time.sleep(0.1)
            order.append('theirs')

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with alone_in(tmp_path, order.append):
        order.append('mine')
        with claimed(tmp_path) as is_free:
            assert not is_free
    other.join()
    said, *order = order
    assert said.startswith('waiting for another worker')
    assert order == ['theirs', 'mine']


def test_a_run_is_compared_with_those_of_its_seed_and_stage(jobs, monkeypatch):
    seen = {}

    def run_job(job, unseen, others):
        seen[job.label] = {other.seed for other in others}
        finish(job)

    monkeypatch.setattr(worker, 'run_job', run_job)
    work(jobs, {}, silent)
    assert seen['a rate 0.1, seed 7'] == set()
    assert seen['b c rate 10, seed 7'] == {7}
    assert seen['a rate 0.1, seed 4'] == set()
    assert seen['b c rate 0.1, seed 5'] == {5}


def test_runs_that_failed_in_an_earlier_call_are_named_once(jobs, trained):
    first, *_, last = jobs.ready()
    lines = []
    work(jobs, {}, lines.append)
    assert not any('failed earlier' in line for line in lines)
    for job in (first, last):
        (job.folder / 'record.json').unlink()
        fail(job)
    trained.clear()
    work(jobs, {}, lines.append)
    (line,) = [line for line in lines if 'failed earlier' in line]
    assert line.startswith('2 runs failed earlier; to try again, remove ')
    assert line.endswith(f'failed.json of {first.folder}, {last.folder}')
    assert trained == []


def test_a_run_is_tried_again_without_its_failed_json(jobs, trained):
    first = jobs.ready()[0]
    fail(first)
    work(jobs, {}, silent)
    assert first.label not in trained
    (first.folder / 'failed.json').unlink()
    work(jobs, {}, silent)
    assert trained[-1] == first.label
