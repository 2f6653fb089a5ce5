# Copyright (c) gps_seg contributors. Apache-2.0.
"""The rates that configs name are those that published comparisons chose."""

import pytest
from mmengine.config import Config

from gps_seg.comparison import read_summary

STUDIES = {
    'methods_kvasir': 'methods_kvasir',
    'methods_kvasir_long': 'methods_kvasir',
    'confirm_98': 'selection_confirm_98',
    'confirm_168': 'selection_confirm_98',
    'kvasir_98': 'selection_confirm_98',
    'clinicdb_98': 'selection_clinicdb_98',
    'clinicdb_168': 'selection_clinicdb_98',
    'flowers': 'selection_flowers',
}


@pytest.mark.parametrize('study', STUDIES)
def test_the_rates_of_a_study(repo_dir, study):
    config = Config.fromfile(repo_dir / f'configs/studies/{study}.py')
    summary = read_summary(repo_dir / f'docs/results/{STUDIES[study]}.json')
    tuned = {name: row['best'] for name, row in summary['rates'].items()}
    assert config.rates.to_dict() == tuned
