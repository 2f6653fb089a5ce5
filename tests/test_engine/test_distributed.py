"""Two processes on gloo do what one does with the doubled batch."""

import os
import subprocess
import sys
from pathlib import Path

import distributed_cases
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


@pytest.fixture
def trained(ranks):
    return [rank['train'] for rank in ranks]


def test_both_ranks_hold_the_same_bits(trained):
    assert trained[0]['hash'] == trained[1]['hash']
    for name, tensor in trained[0]['state'].items():
        assert torch.equal(tensor, trained[1]['state'][name]), name


def test_they_end_where_one_process_ends(trained, tmp_path):
    alone = distributed_worker.train(tmp_path, 8, distributed=False)
    assert alone['hash'] == trained[0]['hash']
    start = distributed_worker.exact_model().state_dict()
    for name, tensor in alone['state'].items():
        torch.testing.assert_close(
            trained[0]['state'][name], tensor, rtol=1e-9, atol=1e-12
        )
    moved = [n for n in start if not torch.equal(start[n], alone['state'][n])]
    assert 'backbone.fc.weight' in moved


def test_only_trained_entries_cross_the_network(trained):
    # 24 samples, 2 processes, batch 4: 3 steps an epoch. What is sent before,
    # for the scores after 1, 2 and 3 batches, are the dense sums of the
    # selectable weights.
    per_step = [n for n in trained[0]['bytes'] if n == trained[0]['trained']]
    assert len(per_step) == 6
    dense = 4 * (8 * 48 + 24 * 8 + 8 * 8 + 8 * 8)
    others = sum(trained[0]['bytes']) - sum(per_step)
    assert 3 * dense <= others < 3 * dense + 4096


def test_a_head_is_warmed_up_as_by_one_process(ranks, tmp_path):
    first, second = (rank['warmed_head'] for rank in ranks)
    alone = distributed_cases.warmed_head(tmp_path)
    start = distributed_cases.deep_head().state_dict()
    for name, tensor in alone.items():
        assert torch.equal(first[name], second[name]), name
        assert not torch.equal(tensor, start[name]), name
        # Adam divides by its own size a gradient that differs by rounding.
        torch.testing.assert_close(first[name], tensor, rtol=0, atol=1e-6)


def test_unit_steps_end_where_one_process_ends(ranks, tmp_path):
    first, second = (rank['unit_steps'] for rank in ranks)
    alone = distributed_cases.unit_steps(tmp_path)
    assert first['hash'] == second['hash'] == alone['hash']
    start = distributed_worker.exact_model().state_dict()
    for name, tensor in alone['state'].items():
        found = first['state'][name]
        assert torch.equal(found, second['state'][name]), name
        # Means and scales come from sums in float32.
        torch.testing.assert_close(found, tensor, rtol=1e-5, atol=1e-6)
    name = 'backbone.fc.weight'
    assert not torch.equal(alone['state'][name], start[name])


def test_an_unused_parameter_does_not_decay(ranks, tmp_path):
    alone = distributed_cases.unused_parameters(tmp_path)
    for rank in ranks:
        found = rank['unused_parameters']
        assert found['never'].tolist() == alone['never'].tolist() == [1.0] * 3
        # Adam's step does not depend on the scale of a constant gradient.
        torch.testing.assert_close(
            found['sometimes'], alone['sometimes'], rtol=1e-6, atol=0
        )
    assert (alone['sometimes'] < 1).all()


def test_a_resume_within_an_accumulation_has_what_all_gathered(ranks):
    ends = [rank['resumed_in_an_accumulation'] for rank in ranks]
    for name, tensor in ends[0][0].items():
        for straight, resumed in ends:
            assert torch.equal(straight[name], tensor), name
            assert torch.equal(resumed[name], tensor), name


def test_one_selection_and_disjoint_shards_by_seeds_that_differ(ranks):
    for score, seen in (('gradient', 24), ('random', 0)):
        results = [rank['seeds_of_their_own'][score] for rank in ranks]
        seeds, hashes, images = zip(*results, strict=True)
        assert seeds == (5, 6)
        assert len(set(hashes)) == 1
        assert len(images[0]) == len(images[1]) == seen / 2
        assert len({*images[0], *images[1]}) == seen


def test_an_optimizer_that_shares_its_state_out_is_refused(ranks):
    for rank in ranks:
        assert 'got ZeroRedundancyOptimizer, which' in rank['zero_redundancy']
