"""What the pass over the training data runs, and what it says of it."""

import pytest
import torch
from torch.utils.data import DataLoader
from toy_run import ToySet, run, toy_model

from gps_seg.engine.selecting import pass_log
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.execution.instance_forward import has_own_forward
from gps_seg.peft import GPS, GRFT, SIFT, tune
from gps_seg.peft.placing.sensitivity import sensitivities
from gps_seg.sparse import Evidence, RunningSums


def passed(model, evidence=Evidence.GRADIENT, data=None, **settings):
    options = settings.pop('options', {})
    return ScoringPass(**settings).run(
        model,
        'backbone',
        {'fc': model.backbone.fc.weight},
        DataLoader(data or ToySet(), batch_size=4),
        torch.optim.SGD(model.parameters(), lr=0.1),
        0,
        evidence,
        **options,
    )


def test_sums_come_once_unless_doublings_are_asked_for():
    (sums,) = passed(toy_model())
    assert sums.num_batches == 6
    doubled = list(passed(toy_model(), options={'doublings': True}))
    assert [sums.num_batches for sums in doubled] == [1, 2, 4, 6]
    assert torch.equal(doubled[-1]['fc'], sums['fc'])


@pytest.mark.parametrize(
    ('own', 'most', 'expected'),
    [(None, None, None), (5, None, 5), (None, 3, 3), (5, 3, 3), (2, 3, 2)],
)
def test_the_smaller_limit_counts(own, most, expected):
    scoring = ScoringPass(max_batches=own, batch_size=7)
    assert scoring.upto(most) == ScoringPass(
        max_batches=expected, batch_size=7
    )


def test_sift_reads_one_batch(tmp_path):
    data = ToySet()
    method = {'type': 'sift', 'share': 0.1}
    run(tmp_path, iters=1, dataset=data, method=method)
    assert data.reads == 4 + 4


class Asked:
    """A pass that remembers what it was asked for."""

    def __call__(self, evidence, *, most=None, doublings=False):
        self.by = (most, doublings)
        yield RunningSums({'w': torch.ones(2, 2)}, num_batches=1)


def test_sensitivities_need_sixteen_batches_and_no_doublings():
    asked = Asked()
    assert torch.equal(sensitivities(asked)['w'], torch.ones(2, 2))
    assert asked.by == (16, False)


@pytest.mark.parametrize(
    ('method', 'expected'),
    [
        (GPS(k=1), 5),
        (SIFT(share=0.1), 1),
        (GRFT(k=1, unit='row', penalty=0, last_blocks=0), 5),
    ],
)
def test_a_plain_loop_runs_as_many_batches_as_the_method_uses(
    method, expected
):
    model, run_losses = toy_model().train(), []

    def loss():
        run_losses.append(1)
        data = ToySet()
        return model(data.x[:4], data.y[:4], mode='loss')['loss']

    tune(model, method, [loss] * 5, seed=0)
    assert len(run_losses) == expected


class Blocks(torch.nn.Module):
    """An encoder with a transformer block; remembers how it was run."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 4, stride=4)
        self.block = torch.nn.TransformerEncoderLayer(
            8, 2, 16, dropout=0.2, batch_first=True, norm_first=True
        )
        self.fc = torch.nn.Linear(8, 8)
        self.was_checkpointed = []

    def forward(self, x):
        self.was_checkpointed.append(has_own_forward(self.block))
        x = self.stem(x).flatten(2).transpose(1, 2)
        return self.fc(self.block(x))


def blocks_model():
    model = toy_model()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model.backbone = Blocks()
    return model


def test_checkpointing_selects_the_same(tmp_path):
    hashes = []
    for checkpointing in (False, True):
        model = blocks_model()
        runner, _ = run(
            tmp_path / str(checkpointing),
            model=model,
            iters=1,
            hook_options={'max_batches': 2, 'checkpointing': checkpointing},
        )
        hashes.append(runner.custom_hook.selection.hash)
        # Two batches of the pass, one of the training.
        expected = [checkpointing, checkpointing, False]
        assert model.backbone.was_checkpointed == expected
    assert hashes[0] == hashes[1]


def test_evidence_without_a_gradient_keeps_no_activations_anyway():
    model = blocks_model()
    list(passed(model, Evidence.INPUT, checkpointing=True, max_batches=1))
    assert model.backbone.was_checkpointed == [False]


@pytest.mark.parametrize(
    ('wrapper', 'precision'),
    [('PeftOptimWrapper', 'float32'), ('AmpPeftOptimWrapper', 'bfloat16')],
)
def test_the_log_says_what_the_pass_will_take(
    monkeypatch, tmp_path, wrapper, precision
):
    monkeypatch.setattr(pass_log, 'MIB', 1)  # the toy model is small
    run(
        tmp_path,
        wrapper=wrapper,
        iters=1,
        hook_options={'max_batches': 3},
    )
    (log,) = tmp_path.rglob('*.log')
    told = [line for line in log.read_text().splitlines() if 'Select' in line]
    assert told[0].endswith(
        f'Selecting by 3 batches of 4 images in {precision}; sums take '
        '2,816 MiB on the CPU'  # 704 entries of stem, attention and fc
    )
    assert 'Selecting connections: batch 1/3, loss ' in told[1]
    assert told[1].endswith(' left')
