# Copyright (c) gps_seg contributors. Apache-2.0.
"""Where the page says that it is."""

import socket

import pytest

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.app.serve import where  # noqa: E402


def test_all_networks_are_named_by_the_name_of_the_machine(monkeypatch):
    monkeypatch.setattr(socket, 'gethostname', lambda: 'ward-7')
    told = where('http://localhost:7999/', '0.0.0.0')
    here, others = told.splitlines()
    assert here == 'The page is at http://localhost:7999/ (Ctrl-C ends it).'
    assert others.startswith('At http://ward-7:7999/ everyone')


@pytest.mark.parametrize('host', ['127.0.0.1', '10.0.0.7'])
def test_one_address_is_told_alone(host):
    address = f'http://{host}:7860/'
    assert where(address, host).split() == (
        f'The page is at {address} (Ctrl-C ends it).'.split()
    )
