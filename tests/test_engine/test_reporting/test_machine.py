"""Processor and memory, on this machine and on others."""

import os
import platform
import subprocess
from types import SimpleNamespace

import pytest

from gps_seg.engine.reporting import machine


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """A machine without Linux's file."""
    monkeypatch.setattr(machine, '_CPUINFO', tmp_path / 'none')


def test_linux_names_the_processor_in_a_file(monkeypatch, tmp_path):
    path = tmp_path / 'cpuinfo'
    path.write_text('processor\t: 0\nmodel name\t: AMD EPYC 7B13\nflags : x\n')
    monkeypatch.setattr(machine, '_CPUINFO', path)
    assert machine.cpu_model() == 'AMD EPYC 7B13'


@pytest.mark.usefixtures('elsewhere')
def test_a_mac_is_asked(monkeypatch):
    monkeypatch.setattr(platform, 'system', lambda: 'Darwin')
    monkeypatch.setattr(platform, 'processor', lambda: 'arm')
    answer = SimpleNamespace(stdout='Apple M2\n')
    monkeypatch.setattr(subprocess, 'run', lambda *_, **__: answer)
    assert machine.cpu_model() == 'Apple M2'


@pytest.mark.usefixtures('elsewhere')
@pytest.mark.parametrize('known', ['Intel64 Family 6', ''])
def test_windows_or_an_unknown_system(monkeypatch, known):
    monkeypatch.setattr(platform, 'system', lambda: 'Windows')
    monkeypatch.setattr(platform, 'processor', lambda: known)
    assert machine.cpu_model() == (known or platform.machine())


def test_an_arm_machine_has_no_such_line(monkeypatch, tmp_path):
    path = tmp_path / 'cpuinfo'
    path.write_text('processor\t: 0\nBogoMIPS\t: 50\n')
    monkeypatch.setattr(machine, '_CPUINFO', path)
    monkeypatch.setattr(platform, 'processor', lambda: '')
    assert machine.cpu_model() == platform.machine()


def test_cores_and_memory_of_this_machine(monkeypatch):
    assert 1 <= machine.cpu_cores() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    assert machine.cpu_cores() == os.cpu_count()


def test_memory_is_pages_times_their_size(monkeypatch):
    numbers = {'SC_PHYS_PAGES': 2**20, 'SC_PAGE_SIZE': 4096}
    monkeypatch.setattr(os, 'sysconf', numbers.__getitem__)
    assert machine.memory_gib() == 4.0
    monkeypatch.delattr(os, 'sysconf')
    assert machine.memory_gib() is None
