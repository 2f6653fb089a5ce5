"""A damaged file of weights is read, or refused by one documented error.

The slow test reads 100,000 of them, in processes of their own, where a crash
is seen as one:

    pytest tests/test_models/test_damaged_files.py -m slow
"""

import pytest
from mutations import KINDS, outcomes, outcomes_elsewhere


@pytest.mark.filterwarnings('ignore')  # of PyTorch, on what it reads
@pytest.mark.parametrize('kind', KINDS)
def test_some_damaged_files(kind, tmp_path):
    found = outcomes(kind, seed=1, count=400, folder=tmp_path)
    assert found.keys() <= {'read', 'refused'}
    assert found['refused'] >= 80


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', [2, 3])
def test_many_damaged_files(kind, seed, tmp_path):
    found, grown = outcomes_elsewhere(
        kind, seed, count=7_200, folder=tmp_path, timeout=1800
    )
    assert found.keys() == {'read', 'refused'}
    assert grown < 2**28  # the files have a few kB
