"""Fixtures for the tests of encoders."""

import importlib

import pytest
from timm_models import needs_timm


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of weights, empty; neither a network nor a cache."""
    needs_timm()
    constants = importlib.import_module('huggingface_hub.constants')
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(tmp_path))
    return tmp_path
