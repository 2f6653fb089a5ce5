"""Every point once, and selections before what needs them."""

import pytest

from gps_seg.benchmark.growth import default_axes, points_of
from gps_seg.benchmark.growth.hosts import VITS, build_host, tokens_of


def test_each_point_is_there_once(axes):
    keys = [point.key for point in points_of(axes)]
    assert len(set(keys)) == len(keys)
    at_one = {key for key in keys if key.startswith('vit-tiny_32px_1-blocks')}
    assert {key.partition(' ')[2] for key in at_one} == {
        *('select', 'bias', 'full', 'lora', 'gps k=1'),
    }


def test_a_host_on_two_axes_has_what_both_need(axes):
    shared = [
        p for p in points_of(axes) if p.host.key.endswith('64px_3-blocks')
    ]
    (tiny,) = {p.host for p in shared if p.host.name == 'vit-tiny'}
    assert tiny.ks == (1, 4, 16)
    rows = [(p.row, p.k) for p in shared if p.host == tiny]
    assert rows[0] == ('select', None)
    assert set(rows[1:]) == {
        *((row, None) for row in ('bias', 'full', 'lora', 'lora-qv')),
        *(('gps', k) for k in (1, 4, 16)),
    }


def test_the_axes_of_the_tool_reach_as_far_as_they_should():
    axes = default_axes(None)
    assert (axes.sizes[0], axes.sizes[-1]) == (224, 1024)
    assert [VITS[name].width for name in axes.widths] == [192, 384, 768, 1024]
    names = {host.name for host in axes.hosts}
    assert {'vit-b', 'mmseg-vit-b', 'swin-t'} <= names
    assert 'vit-s14' not in names
    assert 'vit-s14' in {h.name for h in default_axes('w.safetensors').hosts}


@pytest.mark.parametrize('name', ['vit-tiny', 'mmseg-vit-b'])
def test_a_short_vit_has_the_shape_that_its_formula_assumes(name):
    import torch

    from gps_seg.benchmark.growth.block_costs import Block

    model = build_host(name, 32, blocks=2)
    assert model.training and len(model.backbone.layers) == 2
    block, width = VITS[name].block(32), VITS[name].width
    assert block == Block(5, width, VITS[name].heads, 4 * width)
    matrices = [
        parameter
        for parameter in model.backbone.layers.parameters()
        if parameter.ndim == 2
    ]
    assert sum(p.numel() for p in matrices) == 2 * block.weights
    (level,) = model.backbone(torch.zeros(1, 3, 32, 32))
    assert level.shape == (1, width, 2, 2)
    assert tokens_of(32) == 5


def test_another_architecture_is_built_whole():
    model = build_host('tiny', 32, blocks=None)
    assert len(model.backbone.layers) == 4
