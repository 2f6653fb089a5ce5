"""Fixtures for the tests of encoders."""

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of weights, empty, and no network."""
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(tmp_path))
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path / 'cache'))
    return tmp_path
