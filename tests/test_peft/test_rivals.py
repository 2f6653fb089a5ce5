"""SIFT and GRFT against their definitions, and the pull of GRFT."""

import pytest
import torch
from torch import nn

from gps_seg.peft import GRFT, SIFT, tune

X = torch.randn(32, 6, generator=torch.Generator().manual_seed(0))


def make(batches=3):
    """Three numbered blocks, a stem and a head; one loss per batch."""
    torch.manual_seed(0)
    blocks = nn.Sequential(*(nn.Linear(6, 6) for _ in range(3)))
    backbone = nn.ModuleDict({'stem': nn.Linear(6, 6), 'blocks': blocks})
    model = nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(6, 2)})

    def loss(x):
        hidden = blocks(backbone['stem'](x).tanh()).tanh()
        return model['head'](hidden).square().mean()

    parts = X.chunk(batches)
    return model, [lambda x=x: loss(x) for x in parts]


def gradients(losses, parameter):
    return [torch.autograd.grad(loss(), parameter)[0] for loss in losses]


def test_sift_takes_the_top_share_of_the_first_batch():
    model, losses = make()
    weight = model['backbone']['stem'].weight
    first = gradients(losses, weight)[0].abs().flatten()
    asked = []

    def counted(number, loss):
        asked.append(number)
        return loss()

    tuned = tune(
        model,
        SIFT(share=0.25),
        [lambda n=n, f=f: counted(n, f) for n, f in enumerate(losses)],
        seed=0,
    )
    expected = first.argsort(descending=True)[:9].sort().values
    entries = tuned.selected['backbone.stem.weight']
    assert entries.indices.tolist() == expected.tolist()
    assert asked == [0]


@pytest.mark.parametrize(('unit', 'axis'), [('row', 1), ('column', 0)])
def test_grft_takes_the_lines_of_the_summed_gradient(unit, axis):
    model, losses = make()
    weight = model['backbone']['blocks'][1].weight
    squares = sum(gradients(losses, weight)).square().sum(axis)
    best = squares.argsort(descending=True)[:2].tolist()
    method = GRFT(k=2, unit=unit, penalty=0, last_blocks=0)
    tuned = tune(model, method, losses, seed=0)
    mask = torch.zeros(36, dtype=torch.bool)
    mask[tuned.selected['backbone.blocks.1.weight'].indices] = True
    lines = mask.view(6, 6).all(axis).nonzero().flatten().tolist()
    assert sorted(lines) == sorted(best)
    assert mask.sum() == 12


def test_the_penalty_is_that_of_the_last_blocks_and_the_head():
    model, losses = make()
    method = GRFT(share=0.5, unit='row', penalty=0.3, last_blocks=1)
    tuned = tune(model, method, losses, seed=0)
    assert tuned.penalty().item() == 0
    with torch.no_grad():
        for trained in tuned.parameters():
            trained += 2
    pulled = {
        'backbone.blocks.2.weight': 18,
        'backbone.blocks.2.bias': 6,
        'head.weight': 12,
        'head.bias': 2,
    }
    assert tuned.starts.keys() == pulled.keys()
    expected = 0.3 * 2**2 * sum(pulled.values())
    assert tuned.penalty().item() == pytest.approx(expected)
    tuned.penalty().backward()
    for parameter, name in tuned.names.items():
        gradient = tuned.form[parameter].grad
        if name in pulled:
            assert torch.allclose(gradient, torch.tensor(2 * 0.3 * 2.0))
        else:
            assert gradient is None


def test_more_last_blocks_than_there_are():
    model, losses = make()
    method = GRFT(k=1, unit='row', penalty=0.3, last_blocks=4)
    with pytest.raises(ValueError, match='last_blocks: expected 0 to 3, .* 4'):
        tune(model, method, losses, seed=0)


def test_without_a_penalty_nothing_is_kept():
    model, losses = make()
    method = GRFT(k=1, unit='row', penalty=0, last_blocks=2)
    tuned = tune(model, method, losses, seed=0)
    assert tuned.penalty() is None
    assert tuned.starts == {}
