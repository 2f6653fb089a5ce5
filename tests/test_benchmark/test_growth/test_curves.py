"""Curves, checks and rates of results that follow from a law."""

import pytest

from gps_seg.benchmark.growth import growth_of
from gps_seg.benchmark.growth.block_costs import BIAS, Block, saved_bytes
from gps_seg.benchmark.growth.results import as_json, by_slopes


@pytest.fixture
def growth(axes, results):
    return growth_of(axes, results)


def curve(growth, *wanted):
    (found,) = (
        c for c in growth.curves if (c.axis, c.quantity, c.row) == wanted
    )
    return found


def test_the_fixed_part_is_not_in_the_cost_of_a_block(growth):
    """The law of the results has 0.5 s that no block causes."""
    full = curve(growth, 'tokens', 'seconds', 'full')
    assert full.x == (5, 17, 37)
    assert full.y == pytest.approx([3e-4 * n**1.5 * 32 for n in full.x])
    assert full.fit.slope == pytest.approx(1.5)
    width = curve(growth, 'width', 'seconds', 'lora')
    assert width.x == (16, 32)
    assert width.fit.slope == pytest.approx(1.0)


def test_saved_bytes_and_peak_are_per_block_too(growth):
    block = saved_bytes(Block(17, 16, 2, 64), BIAS, 4)
    assert curve(growth, 'width', 'saved', 'bias').y[0] == block
    assert curve(growth, 'width', 'peak', 'bias').y[0] == 3 * block


def test_the_time_of_the_selection(growth, results):
    images = curve(growth, 'images', 'seconds', 'pass')
    assert images.x == (1, 2, 4)
    assert images.fit.slope == pytest.approx(1)
    weights = curve(growth, 'parameters', 'seconds', 'pass per image')
    assert weights.x == (3 * 12 * 16**2, 3 * 12 * 32**2)
    for name, seconds in zip(
        ('vit-tinier', 'vit-tiny'), weights.y, strict=True
    ):
        passes = results[f'{name}_64px_3-blocks select']['passes']
        assert passes[-1][0] == (4 if name == 'vit-tinier' else 1)
        assert seconds == pytest.approx(passes[0][1])
    chosen = curve(growth, 'parameters', 'seconds', 'selection')
    assert chosen.y == (0.1, 0.1) and chosen.fit.slope == pytest.approx(0)


def test_the_k_at_which_gps_costs_what_others_cost(growth):
    """A block of GPS costs sqrt(k) times one of bias tuning."""
    (steps,) = growth.steps
    assert steps.ks == (1, 4, 16)
    assert steps.shares == (1 / 32, 4 / 32, 16 / 32)
    assert steps.gps[0] == steps.seconds['bias']
    assert set(steps.reaches) == {'full', 'lora', 'lora-qv'}
    assert steps.reaches['lora'] == pytest.approx(4)  # twice bias tuning
    assert steps.reaches['lora-qv'] == pytest.approx(2)  # halfway to k = 4
    assert steps.reaches['full'] == pytest.approx(8)  # and to k = 16


def test_what_gps_never_reaches_is_none(axes, results):
    results['vit-tiny_64px_3-blocks lora']['seconds'] = [99.0]
    (steps,) = growth_of(axes, results).steps
    assert steps.reaches['lora'] is None


def test_checks_are_one_for_results_that_follow_the_laws(growth):
    assert growth.depths == {
        f'{quantity}, {row}': pytest.approx(1)
        for quantity in ('seconds', 'saved', 'peak')
        for row in ('bias', 'full', 'lora', 'gps')
    }
    assert growth.formula['vit-tiny, 32 px, bias'] == pytest.approx(1)
    assert growth.formula['vit-tiny, 32 px, full'] > 1.4


def test_columns_of_a_selection_are_in_the_formula(axes, results):
    """In one of the two blocks that the deeper model has more."""
    before = growth_of(axes, results).formula['vit-tiny, 32 px, gps']
    chosen = results['vit-tiny_32px_3-blocks select']['selections'][0]
    chosen['columns']['backbone.layers.1.attn.qkv.weight'] = [8, 32]
    after = growth_of(axes, results).formula['vit-tiny, 32 px, gps']
    block = saved_bytes(Block(5, 32, 2, 128), BIAS, 4)
    assert before == pytest.approx(1)
    assert after - before == pytest.approx(5 * 8 * 4 / (2 * block))


def test_what_is_missing_shortens_the_curves(axes, results):
    del results['vit-tiny_64px_3-blocks full']
    del results['vit-tiny_64px_3-blocks gps k=4']
    growth = growth_of(axes, results)
    assert curve(growth, 'tokens', 'seconds', 'full').x == (5, 37)
    assert growth.steps[0].ks == (1, 16)
    assert 'full' not in growth.steps[0].reaches
    empty = growth_of(axes, {})
    assert not empty.curves and not empty.steps and not empty.by_slopes


def test_the_large_model_by_the_slopes(growth):
    """1e-4 s x tokens^1.5 x width: the laws hold far outside of the range."""
    block = Block(5330, 1536, 24, 4096, gated=True)
    found = by_slopes(growth.curves, 'bias', block, common=17)
    assert found['seconds'] == pytest.approx(1e-4 * 5330**1.5 * 1536)
    # Heads are constant here, so their statistics weigh less with the width.
    assert found['saved_over_formula'] == pytest.approx(1, abs=0.2)


def test_the_file_has_all_numbers_and_marks_what_is_computed(growth):
    content = as_json(growth, rate=100.0)
    first = content['curves'][0]
    assert first['fit']['slope'] == growth.curves[0].fit.slope
    computed = content['computed']
    assert computed['assumed_tflops'] == 100.0
    need = computed['needs']['full']
    hours = need['flops'] * 1e6 / 100e12 / 3600
    assert need['hours_of_a_million_images'] == pytest.approx(hours)
    assert computed['model']['weights'] > 1e9
