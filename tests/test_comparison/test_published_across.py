# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the recipe is worth in all studies, beside the file of each."""

import json

import pytest

#: Summaries by the names of the studies in the picture.
STUDIES = {
    'Kvasir 300, 98 px': 'selection_confirm_98',
    'Kvasir 880, 98 px': 'selection_kvasir_98',
    'Kvasir 300, 168 px': 'selection_confirm_168',
    'Kvasir 880, 252 px': 'methods_kvasir',
    'Kvasir 880, 252 px, again': 'methods_kvasir_seed2',
    'Kvasir 880, 252 px, longer': 'methods_kvasir_long',
    'ClinicDB, 98 px': 'selection_clinicdb_98',
    'ClinicDB, 168 px': 'selection_clinicdb_168',
    'Flowers-102, 70 px': 'selection_flowers',
}
RECIPE, REFERENCES = 'gps decrement', ['bias', 'gps random', 'gps']


def differences(repo_dir, name):
    path = repo_dir / f'docs/results/{name}.json'
    return json.loads(path.read_text(encoding='utf-8'))['differences']


def numbers(row):
    keys = ('mean', 'low', 'high', 'num_seeds', 'per_seed')
    return {key: row[key] for key in keys}


@pytest.mark.parametrize('reference', REFERENCES)
def test_each_row_is_that_of_its_study(repo_dir, reference):
    found = {
        row['variant']: numbers(row)
        for row in differences(repo_dir, 'selection_studies')
        if row['reference'] == reference
    }
    expected = {
        study: numbers(row)
        for study, name in STUDIES.items()
        for row in differences(repo_dir, name)
        if row['variant'] == RECIPE
        and row['reference'] == reference
        and row['set'] == 'validation'
        and row['metric'] in ('Dice', 'accuracy')
    }
    # Seeds 0 and 1 at 252 pixels were not compared with GPS.
    assert len(expected) == len(STUDIES) - (reference == 'gps')
    assert found == expected
