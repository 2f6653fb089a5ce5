"""The computed needs of a large model, by hand."""

import pytest

from gps_seg.benchmark.growth.block_costs import BIAS, Block, saved_bytes
from gps_seg.benchmark.growth.outlook import GIB, Model, Need, needs_of, vit_g

SMALL = Model('small', Block(5, 32, 2, 128), depth=3, patch=16, size=32)


def test_the_weights_of_a_model_are_those_of_one_that_is_built():
    from gps_seg.benchmark.growth.hosts import build_host

    encoder = build_host('vit-tiny', 32, blocks=3).backbone
    assert SMALL.weights == sum(p.numel() for p in encoder.parameters())


def test_the_weights_of_vit_g_are_those_that_were_published():
    """1,136,480,768 at 37 x 37 patches, with the token of masked patches."""
    model = vit_g()
    more_places = (model.block.tokens - (37**2 + 1)) * 1536
    assert model.weights - more_places + 1536 == 1_136_480_768
    assert model.block.tokens == 73**2 + 1


def test_the_parts_of_each_need():
    needs = needs_of(SMALL)
    full, lora, gps = (needs[name] for name in ('full', 'lora', 'gps k=1'))
    assert full.weights == full.gradients == 2 * SMALL.weights
    assert full.moments == 2 * full.gradients and full.values == 0
    rows = 3 * (3 * 32 + 32 + 128 + 32)
    assert gps.values == gps.gradients == 2 * rows * 4  # entries and biases
    assert gps.moments == 2 * gps.gradients
    thin = 3 * 8 * (4 * 64 + 2 * 160)
    assert lora.values == lora.gradients == thin * 4
    bias = 3 * saved_bytes(SMALL.block, BIAS, value=2)
    columns = 3 + 3 + 3 + 3  # 8, 9 and 10 % of 32, 2 % of 128
    assert gps.saved == bias + 3 * 5 * columns * 2
    assert gps.saved < needs['full'].saved
    assert needs['gps k=1, recomputing'].flops > gps.flops


def need(saved):
    return Need(GIB, GIB, GIB, GIB, saved, flops=3.6e12)


@pytest.mark.parametrize(
    ('saved', 'card'), [(17, 24), (18, 48), (60, 80), (100, 141), (123, None)]
)
def test_the_smallest_card_has_a_tenth_left(saved, card):
    assert need(saved * GIB).gib == saved + 4
    assert need(saved * GIB).card == card


def test_the_largest_batch_and_the_hours():
    assert need(4 * GIB).batch(24) == 4  # 4 + 4 x 4 of 21.6
    assert need(40 * GIB).batch(24) == 0
    assert need(0).hours(images=2000, rate=2.0) == pytest.approx(1.0)
