"""A method is one file and one row: the engine asks no method for its type."""

import pytest
import torch
from toy_run import run, toy_model

from gps_seg.engine.selecting.losses import ContrastiveLoss, TaskLoss
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.peft import METHODS
from gps_seg.peft.selects_nothing import SelectsNothing
from gps_seg.sparse import Role


class Token(SelectsNothing):
    """Trains the class token and the head."""

    encoder = 'backbone'

    def roles(self, model):
        return {
            name: Role.WHOLE
            if name == 'backbone.token' or name.startswith('decode_head')
            else Role.FROZEN
            for name, _ in model.named_parameters()
        }


class HeadAlone(Token):
    def roles(self, model):
        return super().roles(model) | {'backbone.token': Role.FROZEN}


class OpenlyHeadAlone(HeadAlone):
    tunes_encoder = False


@pytest.fixture(autouse=True)
def rows(monkeypatch):
    for kind in (Token, HeadAlone, OpenlyHeadAlone):
        monkeypatch.setitem(METHODS, kind.__name__, kind)


def log_of(tmp_path):
    (log,) = tmp_path.glob('*/*.log')
    return log.read_text()


def test_a_new_row_trains_and_resumes(tmp_path):
    method = {'type': 'Token'}
    run(tmp_path, method=method, iters=3)
    runner, before = run(tmp_path, method=method, iters=6, resume=True)
    after = runner.model.state_dict()
    moved = {
        name
        for name, _ in toy_model().named_parameters()
        if not torch.equal(before[name], after[name])
    }
    assert moved == {
        'backbone.token',
        'decode_head.weight',
        'decode_head.bias',
    }


def test_its_reasons_are_logged(tmp_path):
    options = {'max_batches': 2, 'loss': {'type': 'contrastive'}}
    run(tmp_path, iters=1, method={'type': 'Token'}, hook_options=options)
    assert (
        "PeftHook: loss, max_batches ignored: method {'type': 'Token'} looks "
        'at no training data to select.'
    ) in log_of(tmp_path)


@pytest.mark.parametrize(
    ('kind', 'warns'),
    [(Token, False), (HeadAlone, True), (OpenlyHeadAlone, False)],
)
def test_an_idle_encoder_is_reported_unless_it_is_meant(tmp_path, kind, warns):
    run(tmp_path, iters=1, method={'type': kind.__name__})
    assert ("nothing trains in 'backbone'" in log_of(tmp_path)) is warns


@pytest.mark.parametrize(
    ('settings', 'given'),
    [
        ({}, set()),
        ({'loss': TaskLoss(), 'max_batches': None}, set()),
        (
            {'loss': TaskLoss(warmup=1), 'batch_size': 4},
            {'loss', 'batch_size'},
        ),
        (
            {'loss': ContrastiveLoss(), 'max_batches': 1, 'pipeline': [{}]},
            {'loss', 'max_batches', 'pipeline'},
        ),
    ],
)
def test_the_settings_that_were_given(settings, given):
    assert ScoringPass(**settings).given == given
