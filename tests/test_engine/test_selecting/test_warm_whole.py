"""A warm-up of all that trains whole against plain steps of AdamW."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from toy_run import WHOLE, ToySet, other_bits, run, toy_model

from gps_seg.engine.selecting import scoring_pass
from gps_seg.engine.selecting.head_warmup import warmed_up
from gps_seg.engine.selecting.losses import TaskLoss

STEPS = 5


class Plain(ToySet):
    """Without random noise, so that two loops see the same."""

    def __getitem__(self, index):
        return {'x': self.x[index], 'y': self.y[index]}


def model_and_batches():
    model = toy_model()
    model.backbone.drop.p = 0.0
    model.backbone.batch = nn.Identity()
    return model, list(DataLoader(Plain(), batch_size=8))


def expected(model, batches, dtype):
    """Biases and head after the steps, at rates that fall along a cosine."""
    model = copy.deepcopy(model)
    named = {n: p for n, p in model.named_parameters() if n in WHOLE}
    is_head = {n: n.startswith('decode_head') for n in named}
    groups = [
        {'params': [p for n, p in named.items() if is_head[n]], 'lr': 0.02},
        {'params': [p for n, p in named.items() if not is_head[n]]},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.01, weight_decay=0)
    for step in range(STEPS):
        batch = batches[step % len(batches)]
        share = (1 + math.cos(math.pi * step / STEPS)) / 2
        for group, rate in zip(
            optimizer.param_groups, (0.02, 0.01), strict=True
        ):
            group['lr'] = rate * share
        with torch.autocast('cpu', dtype, enabled=dtype is torch.bfloat16):
            loss = model(batch['x'], batch['y'], mode='loss')['loss']
        model.zero_grad()
        loss.backward()
        optimizer.step()
    return {name: p.detach() for name, p in named.items()}


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_biases_are_trained_too_and_all_is_rewound(dtype):
    model, batches = model_and_batches()
    found = expected(model, batches, dtype)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(
        [
            {'params': model.backbone.parameters(), 'lr': 0.01},
            {'params': model.decode_head.parameters(), 'lr': 0.02},
        ]
    )
    scored = {p for n, p in model.named_parameters() if n not in WHOLE}
    with warmed_up(
        model,
        'backbone',
        STEPS,
        batches,
        optimizer,
        scored,
        whole=WHOLE,
        dtype=dtype,
    ):
        for name, parameter in model.named_parameters():
            if name in WHOLE:
                torch.testing.assert_close(
                    parameter.detach(), found[name], rtol=1e-4, atol=1e-6
                )
                assert not torch.equal(parameter, before[name]), name
            else:
                assert torch.equal(parameter, before[name]), name
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, before[name]).any(), name


def test_the_recipe_runs_from_the_same_start(tmp_path, monkeypatch):
    given = []

    def spy(*args, **settings):
        given.append(settings['whole'])
        return warmed_up(*args, **settings)

    monkeypatch.setattr(scoring_pass, 'warmed_up', spy)
    method = {'type': 'gps', 'k': 1, 'score': 'decrement', 'step': 'unit'}
    hashes = set()
    for warm in ('new', 'whole'):
        runner, before = run(
            tmp_path / warm,
            iters=1,
            method=method,
            optimizer={'type': 'SGD', 'lr': 0.05},
            hook_options={'loss': dict(type='task', warmup=20, warm=warm)},
        )
        hashes.add(runner.custom_hook.selection.hash)
        for name in WHOLE:  # twenty steps of AdamW go further than one of SGD
            after = runner.model.state_dict()[name]
            torch.testing.assert_close(after, before[name], rtol=0, atol=0.1)
    assert len(hashes) == 2
    assert given == [None, WHOLE]


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'warmup': 3, 'warm': 'biases'}, r"warm: expected one of \('new'"),
        ({'warm': 'whole'}, 'warmup: expected the number of steps'),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        TaskLoss(**settings)
