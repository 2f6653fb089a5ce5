"""PaCA, NeuroAda, SHiRA and FPS against their definitions; norms and biases.

What of an encoder moves is in ``test_what_moves.py``.
"""

import pytest
import torch
from torch import nn

from gps_seg.peft import FPS, BitFit, NeuroAda, Norm, PaCA, SHiRA, tune
from gps_seg.sparse import Role
from gps_seg.stack import require_openmmlab

X = torch.randn(32, 6, generator=torch.Generator().manual_seed(0))


def make(dtype=torch.float32):
    """Two linear maps and a head; one loss for each of two batches."""
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5))
    model = nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(5, 2)})
    model.to(dtype)

    def loss(x):
        return model['head'](backbone(x.to(dtype))).square().mean()

    return model, [lambda x=x: loss(x) for x in X.chunk(2)]


def columns_of(tuned, name, shape):
    mask = torch.zeros(shape, dtype=torch.bool)
    mask.view(-1)[tuned.selected[name].indices] = True
    assert mask.all(0).sum() * shape[0] == mask.sum()  # whole columns
    return mask.all(0).nonzero().flatten().tolist()


@pytest.mark.parametrize('score', ['gradient', 'magnitude'])
def test_paca_can_rank_columns_by_the_norm_of(score):
    model, losses = make()
    weight = model['backbone'][2].weight
    terms = [torch.autograd.grad(loss(), weight)[0] for loss in losses]
    ranked = sum(terms) if score == 'gradient' else weight.detach()
    best = ranked.norm(dim=0).argsort(descending=True)[:3].tolist()
    tuned = tune(model, PaCA(columns=3, score=score), losses, seed=0)
    assert columns_of(tuned, 'backbone.2.weight', (5, 8)) == sorted(best)


def test_paca_takes_other_random_columns_in_each_map_and_with_each_seed():
    def chosen(seed):
        model = nn.ModuleDict(
            {'backbone': nn.Sequential(nn.Linear(99, 2), nn.Linear(99, 2))}
        )
        tuned = tune(model, PaCA(columns=9), [], seed=seed)
        return [
            columns_of(tuned, f'backbone.{n}.weight', (2, 99)) for n in (0, 1)
        ]

    first, second = chosen(0)
    assert first != second
    assert [first, second] == chosen(0)
    assert chosen(1)[0] != first


def test_neuroada_is_a_zero_matrix_that_is_added():
    model, losses = make(torch.float64)
    layer = model['backbone'][0]
    start = layer.weight.detach().clone()
    rows = torch.arange(8)
    largest = start.abs().argmax(1)

    # Theirs: the weight stays, and `added` is trained in its place.
    theirs, their_losses = make(torch.float64)
    added = nn.Parameter(torch.zeros(8, dtype=torch.float64))
    frozen = theirs['backbone'][2].requires_grad_(False)
    del theirs['backbone'][0].weight
    their_head = [*theirs['head'].parameters()]
    optimizer = torch.optim.Adam([added, *their_head], 0.01)
    for _ in range(5):
        total = start.index_put((rows, largest), start[rows, largest] + added)
        theirs['backbone'][0].weight = total
        their_losses[0]().backward()
        optimizer.step()
        optimizer.zero_grad()

    only_first = dict(module='Linear', attribute='weight', role='selected')
    model['backbone'][2].requires_grad_(False)
    tuned = tune(model, NeuroAda(k=1, rules=[only_first]), [], seed=0)
    optimizer = torch.optim.Adam(tuned.parameters(), 0.01)
    tuned.attach(optimizer)
    for _ in range(5):
        losses[0]().backward()
        optimizer.step()
        optimizer.zero_grad()
    change = layer.weight.detach() - start
    assert change.count_nonzero() == 8
    torch.testing.assert_close(change[rows, largest], added.detach())
    assert torch.equal(frozen.weight, model['backbone'][2].weight)


def test_shira_is_random_by_seed_and_equal_to_lora_in_size():
    def chosen(seed):
        model, _ = make()
        tuned = tune(model, SHiRA(rank=2), [], seed=seed)
        return {n: e.indices.tolist() for n, e in tuned.selected.items()}

    first = chosen(0)
    assert {name: len(entries) for name, entries in first.items()} == {
        'backbone.0.weight': 2 * (8 + 6),
        'backbone.2.weight': 2 * (5 + 8),
    }
    assert first == chosen(0) != chosen(1)


def test_fps_takes_the_largest_products_of_weight_and_input():
    model, losses = make()
    weight = model['backbone'][0].weight.detach()
    product = weight.abs() * X.abs().mean(0)
    expected = product.argsort(dim=1, descending=True)[:, :2].sort(1).values
    tuned = tune(model, FPS(k=2), losses, seed=0)
    entries = tuned.selected['backbone.0.weight'].indices.view(8, 2)
    assert torch.equal(entries % 6, expected)


def test_rules_can_train_biases_and_convolutions_too():
    backbone = nn.Sequential(nn.Conv2d(2, 4, 1), nn.Flatten(), nn.Linear(4, 3))
    model = nn.ModuleDict({'backbone': backbone})
    assert PaCA().roles(model) == {
        'backbone.0.weight': Role.FROZEN,
        'backbone.0.bias': Role.FROZEN,
        'backbone.2.weight': Role.SELECTED,
        'backbone.2.bias': Role.FROZEN,
    }
    rows = [
        dict(module='Conv2d', attribute='weight', role='selected'),
        dict(module='Linear', attribute='bias', role='whole'),
    ]
    assert PaCA(rules=rows).roles(model) == {
        'backbone.0.weight': Role.SELECTED,
        'backbone.0.bias': Role.FROZEN,
        'backbone.2.weight': Role.SELECTED,
        'backbone.2.bias': Role.WHOLE,
    }


def test_an_encoder_without_linear_maps_is_refused():
    model = nn.ModuleDict({'backbone': nn.Conv2d(3, 4, 1)})
    with pytest.raises(ValueError, match='without any Linear, MultiheadAtt'):
        tune(model, PaCA(), [], seed=0)


# BEiT's own.
@pytest.mark.filterwarnings('ignore:torch.meshgrid')
def test_bitfit_trains_the_query_and_value_biases_of_beit():
    require_openmmlab()
    from mmseg.models.backbones.beit import BEiTAttention

    attention = BEiTAttention(16, 2, (4, 4))
    roles = BitFit().roles(nn.ModuleDict({'backbone': attention}))
    assert {n for n, role in roles.items() if role is Role.WHOLE} == {
        'backbone.q_bias',
        'backbone.v_bias',
        'backbone.proj.bias',
    }


NORMS = {
    'layer': nn.LayerNorm(4),
    'group': nn.GroupNorm(2, 4),
    'batch': nn.BatchNorm2d(4),
    'synchronised': nn.SyncBatchNorm(4),
    'instance': nn.InstanceNorm2d(4, affine=True),
    'root mean square': nn.RMSNorm(4),
}


@pytest.mark.parametrize('kind', NORMS)
def test_norm_knows_the_norms_of_pytorch(kind):
    backbone = nn.Sequential(nn.Conv2d(4, 4, 1), NORMS[kind])
    roles = Norm().roles(nn.ModuleDict({'backbone': backbone}))
    trained = {n for n, role in roles.items() if role is Role.WHOLE}
    names = [name for name, _ in NORMS[kind].named_parameters()]
    assert trained == {f'backbone.1.{name}' for name in names}


def test_running_statistics_follow_the_data_as_with_every_method():
    def statistics(method):
        torch.manual_seed(0)
        backbone = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))
        model = nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(4, 2)})
        tune(model, method, [], seed=0)
        for x in X.chunk(2):
            model['head'](backbone(x))
        return backbone[1].running_mean

    followed = statistics(Norm())
    assert followed.any()
    assert torch.equal(followed, statistics(PaCA(columns=1)))


def test_what_the_config_froze_stays_frozen():
    model = nn.ModuleDict(
        {'backbone': nn.LayerNorm(4), 'head': nn.Linear(4, 2)}
    )
    model['backbone'].weight.requires_grad_(False)
    model['head'].bias.requires_grad_(False)
    roles = Norm().roles(model)
    assert {n for n, role in roles.items() if role is Role.WHOLE} == {
        'backbone.bias',
        'head.weight',
    }
