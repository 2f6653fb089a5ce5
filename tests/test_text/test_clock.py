"""When progress is reported, and how long the rest takes."""

import pytest

from gps_seg.text import clock as module
from gps_seg.text.clock import Clock


@pytest.fixture
def now(monkeypatch):
    """A clock that stands still until it is set."""
    moment = [100.0]
    monkeypatch.setattr(module.time, 'monotonic', lambda: moment[0])
    return moment


def reports(clock, now, seconds_per_step):
    steps = []
    for done in range(clock.done_before + 1, clock.total + 1):
        now[0] += seconds_per_step
        if clock.is_due(done):
            steps.append(done)
    return steps


def test_a_report_each_fifteen_seconds(now):
    assert reports(Clock(10), now, 5) == [3, 6, 9]


def test_something_short_is_not_reported(now):
    assert reports(Clock(10), now, 1) == []


def test_about_fifty_reports_of_something_long(now):
    steps = reports(Clock(10_000), now, 4)
    assert 40 <= len(steps) <= 50


def test_the_rest_takes_as_long_per_step_as_what_is_done(now):
    clock = Clock(10)
    now[0] += 30
    assert clock.left(3) == '0:01:10 left'


@pytest.mark.parametrize('done', [0, 6])
def test_before_the_first_step_the_rest_is_unknown(now, done):
    clock = Clock(total=10, done=done)
    now[0] += 30
    assert clock.left(done) == 'time left unknown'
    assert Clock(total=6, done=6).left(6) == '0:00:00 left'


def test_steps_of_an_earlier_process_took_no_time(now):
    clock = Clock(total=10, done=6)
    now[0] += 30
    assert clock.left(7) == '0:01:30 left'
    assert clock.left(10) == '0:00:00 left'
