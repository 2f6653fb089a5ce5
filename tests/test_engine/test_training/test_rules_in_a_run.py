"""Rows of the rule table, from a config to a resumed run."""

import pytest
from mmengine.config import Config
from toy_run import WHOLE, moved, run, toy_model

NORMS = [
    dict(module='LayerNorm', attribute=attribute, role='whole')
    for attribute in ('weight', 'bias')
]


def method_of_a_config(rules):
    """As MMEngine hands it to a hook."""
    return Config(dict(method=dict(type='gps', k=1, rules=rules))).method


def test_what_a_row_declares_moves_also_after_a_resume(tmp_path):
    method = method_of_a_config(NORMS)
    _, before = run(tmp_path, method=method, iters=3)
    # A checkpoint is data, or it would not be read.
    runner, _ = run(
        tmp_path, model=toy_model(9), method=method, iters=6, resume=True
    )
    after = runner.model.state_dict()
    whole = {n for n, mask in moved(before, after).items() if mask.all()}
    norms = {'backbone.norm.weight', 'backbone.norm.bias'}
    assert norms <= whole
    assert whole <= WHOLE | norms | {
        'backbone.batch.running_mean',
        'backbone.batch.running_var',
        'backbone.batch.num_batches_tracked',
    }


def test_a_resume_with_other_rows_is_refused(tmp_path):
    run(tmp_path, method=method_of_a_config(NORMS), iters=3)
    method = method_of_a_config(NORMS[:1])
    with pytest.raises(ValueError, match=r'resume: expected method'):
        run(tmp_path, method=method, iters=6, resume=True)


def test_a_row_that_decides_nothing_fails_before_a_sample_is_read(tmp_path):
    rules = [dict(module='GroupNorm', attribute='weight', role='whole')]
    runner, _ = run(
        tmp_path, method=method_of_a_config(rules), iters=3, train=False
    )
    dataset = runner._train_dataloader.dataset
    with pytest.raises(ValueError, match=r"GroupNorm.*'BatchNorm1d.bias', "):
        runner.train()
    assert dataset.reads == 0
