"""Two processes on gloo do what one does with twice the batch."""

import os
import subprocess
import sys
from pathlib import Path

import processes
import pytest
import torch
from bits import other_bits
from contract_models import small_model
from rounding import assert_equal_to_rounding

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('two_processes')
    done = subprocess.run(
        [sys.executable, processes.__file__, str(folder)],
        check=False,
        timeout=280,
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([*sys.path])},
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f'rank{rank}.pt') for rank in (0, 1)]


@pytest.mark.parametrize('method', processes.METHODS)
def test_both_processes_end_with_the_same_bits(ranks, method):
    first, second = (rank[method] for rank in ranks)
    assert list(first) == list(second)
    for name, tensor in first.items():
        assert not other_bits(tensor, second[name]).any(), name


@pytest.mark.usefixtures('no_pictures')
@pytest.mark.parametrize('method', processes.METHODS)
def test_they_end_where_one_process_ends(ranks, method, tmp_path):
    alone = processes.trained(tmp_path, method)
    start = small_model(processes.ENCODER).double().state_dict()
    assert list(alone) == list(ranks[0][method])
    for name, tensor in alone.items():
        found = ranks[0][method][name]
        if name not in start:
            assert_equal_to_rounding(found, tensor, terms=10**6)
        elif torch.equal(tensor, start[name]):
            assert not other_bits(found, start[name]).any(), name
        else:
            assert_equal_to_rounding(found, tensor, terms=10**6)
