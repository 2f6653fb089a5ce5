"""Small axes, and results that follow from a law instead of a clock."""

import pytest

RANKS = {'lora': 8, 'lora-qv': 2}


@pytest.fixture
def axes():
    from gps_seg.benchmark.growth import Axes
    from gps_seg.benchmark.growth.points import Host

    return Axes(
        depths=(1, 3),
        sizes=(32, 64, 96),
        narrow='vit-tiny',
        widths=('vit-tinier', 'vit-tiny'),
        size=64,
        full_depth=4,
        # The deeper host of the axis of width, with more selections.
        hosts=(Host('vit-tiny', 64, 3, (1, 4, 16)),),
        many_images=Host('vit-tinier', 64, 3, images=4),
    )


def seconds_of(point):
    """0.5 s, and in each block 1e-4 s x tokens^1.5 x width, more with k."""
    tokens = (point.host.size // 16) ** 2 + 1
    width = {'vit-tiny': 32, 'vit-tinier': 16}[point.host.name]
    factor = {'bias': 1, 'full': 3, 'lora': 2, 'lora-qv': 1.5, 'select': 3}
    times = factor.get(point.row, (point.k or 1) ** 0.5)
    return 0.5 + point.host.blocks * 1e-4 * times * tokens**1.5 * width


def result_of(point):
    """What the worker would return for a point."""
    from gps_seg.benchmark.growth.block_costs import BIAS, saved_bytes
    from gps_seg.benchmark.growth.hosts import VITS

    host, seconds = point.host, seconds_of(point)
    block = VITS[host.name].block(host.size)
    if point.row == 'select':
        weights = ('attn.qkv', 'attn.proj', 'ffn.layers.0.0', 'ffn.layers.1')
        columns = {
            f'backbone.layers.{number}.{weight}.weight': [0, fan_in]
            for number in range(host.blocks)
            for weight, (_, fan_in) in zip(weights, block.maps, strict=True)
        }
        return {
            'passes': [
                [n, n * seconds] for n in (1, 2, 4) if n <= host.images
            ],
            'parameters': host.blocks * block.weights,
            'selections': [
                {'k': k, 'seconds': 0.1, 'column_share': k / 32}
                | {'columns': columns}
                for k in host.ks
            ],
        }
    saved = 1000 + host.blocks * saved_bytes(block, BIAS, 4)
    return {
        'seconds': [2 * seconds, seconds],
        'saved': saved,
        'peak': 3 * saved,
    }


@pytest.fixture
def results(axes):
    from gps_seg.benchmark.growth import points_of

    return {point.key: result_of(point) for point in points_of(axes)}
