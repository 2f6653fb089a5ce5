"""Two processes on gloo do what one does with the doubled batch."""

import os
import subprocess
import sys
from pathlib import Path

import distributed_worker
import pytest
import torch

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('two_processes')
    done = subprocess.run(
        [sys.executable, distributed_worker.__file__, str(folder)],
        check=False,
        timeout=280,
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(REPO)},
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f'rank{rank}.pt') for rank in (0, 1)]


def test_both_ranks_hold_the_same_bits(ranks):
    assert ranks[0]['hash'] == ranks[1]['hash']
    for name, tensor in ranks[0]['state'].items():
        assert torch.equal(tensor, ranks[1]['state'][name]), name


def test_they_end_where_one_process_ends(ranks, tmp_path):
    alone = distributed_worker.train(tmp_path, 8, distributed=False)
    assert alone['hash'] == ranks[0]['hash']
    start = distributed_worker.exact_model().state_dict()
    for name, tensor in alone['state'].items():
        torch.testing.assert_close(
            ranks[0]['state'][name], tensor, rtol=1e-9, atol=1e-12
        )
    moved = [n for n in start if not torch.equal(start[n], alone['state'][n])]
    assert 'backbone.fc.weight' in moved


def test_only_trained_entries_cross_the_network(ranks):
    # 24 samples, 2 processes, batch 4: 3 steps an epoch. What is sent before,
    # for the scores after 1, 2 and 3 batches, are the dense sums of the
    # selectable weights.
    per_step = [n for n in ranks[0]['bytes'] if n == ranks[0]['trained']]
    assert len(per_step) == 6
    dense = 4 * (8 * 48 + 24 * 8 + 8 * 8 + 8 * 8)
    others = sum(ranks[0]['bytes']) - sum(per_step)
    assert 3 * dense <= others < 3 * dense + 4096
