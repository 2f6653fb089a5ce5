# Copyright (c) gps_seg contributors. Apache-2.0.
"""A config may name the rates of its variants."""

from pathlib import Path

import pytest
from mmengine.config import Config

from gps_seg.runs.comparing.known_rates import known_rates

REPO = Path(__file__).resolve().parents[3]
STUDIES = sorted((REPO / 'configs/studies').glob('*.py'))
LR = 'optim_wrapper.optimizer.lr'


def config(rates=None, variants=()):
    return Config(dict(rates=rates, variants=dict(variants)))


def test_rates_of_variants_and_of_methods():
    assert known_rates(Config()) == {}
    rates = {'bias': 3, 'mine': 0.5}
    assert known_rates(config(rates, {'mine': {}})) == rates


@pytest.mark.parametrize(
    'wrong', [[0.1, 1], {'bias': 0}, {'bias': '3'}, {'bias': True}]
)
def test_what_is_no_rate_is_refused(wrong):
    with pytest.raises(ValueError, match='rates: expected {variant: mult'):
        known_rates(config(wrong))


def test_a_name_of_nothing_is_refused():
    with pytest.raises(ValueError, match="got 'ful'. Did you mean 'full'"):
        known_rates(config({'ful': 0.03}))


def test_a_variant_has_one_rate():
    """Its own rate and the known one would be multiplied."""
    with pytest.raises(ValueError, match="got 'a', which sets " + LR):
        known_rates(config({'a': 3}, {'a': {LR: 0.1}}))


@pytest.mark.parametrize('path', STUDIES, ids=lambda path: path.stem)
def test_the_rates_of_the_studies(path):
    known_rates(Config.fromfile(path))
