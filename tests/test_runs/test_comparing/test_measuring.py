"""What one visit measures, on a small segmentor."""

import copy

import pytest
import torch
from mmengine.runner import Runner
from small_segmentor import HEIGHT, WIDTH

from gps_seg.engine.testing.task_model import build_base
from gps_seg.runs.comparing.costs.measuring_loop import WARMUP, MeasuringLoop
from gps_seg.runs.comparing.costs.worker import measure_config

BLOCKS, WIDE, HIDDEN = 2, 16, 32
TOKENS = 1 + (HEIGHT // 8) * (WIDTH // 8)
PIXELS = TOKENS - 1
# A multiplication and an addition for each weight and token or pixel: patches
# of 8 x 8 x 3, and the head's two layers.
AROUND = 2 * PIXELS * (3 * 64 * WIDE + WIDE * 8 + 8 * 2)


def operations_of_block(tokens):
    """Those of the weights; queries times keys, and weights times values."""
    linear = 2 * tokens * (4 * WIDE**2 + 2 * WIDE * HIDDEN)
    return linear + 4 * tokens**2 * WIDE


FLOPS = BLOCKS * operations_of_block(TOKENS) + AROUND


@pytest.fixture
def measured(training, tmp_path):
    """Function that measures a method, or a changed config of it."""

    def measure(method, selected=False, **changes):
        config = training(method)
        config.merge_from_dict(changes)
        config.dump(tmp_path / 'variant.py')
        return measure_config(
            str(tmp_path / 'variant.py'),
            str(tmp_path),
            steps=2,
            keep=str(tmp_path / 'selected.pth'),
            selected=selected,
        )

    return measure


def test_operations_at_test_time_are_those_of_the_layers(measured):
    costs = measured('bias')
    assert costs['test_flops'] == FLOPS
    assert costs['plain_at_test']


def test_what_merges_costs_nothing_at_test_time(measured):
    costs = measured('lora')
    assert costs['test_flops'] == FLOPS
    assert costs['plain_at_test']


def test_what_does_not_merge_costs_its_own_operations(measured):
    costs = measured('adapter', **{'custom_hooks.0.method.rank': 4})
    down_and_up = 2 * 2 * TOKENS * WIDE * 4
    assert costs['test_flops'] == FLOPS + BLOCKS * down_and_up
    assert not costs['plain_at_test']


def test_prompts_are_more_tokens_at_test_time(measured):
    """A prompt in float32 reaches the blocks as a view of a parameter."""
    costs = measured('vpt', **{'custom_hooks.0.method.prompts': 4})
    with_prompts = BLOCKS * operations_of_block(TOKENS + 4)
    assert costs['test_flops'] == with_prompts + AROUND
    assert not costs['plain_at_test']


def test_fewer_activations_are_saved_for_fewer_gradients(measured):
    names = ('linear', 'bias', 'full')
    saved = [measured(name)['saved_bytes'] for name in names]
    assert 0 < saved[0] < saved[1] < saved[2]


def test_the_facts_are_those_of_the_config(measured):
    costs = measured('bias')
    assert costs['size'] == [HEIGHT, WIDTH]
    assert costs['batch'] == 2
    assert costs['threads'] == torch.get_num_threads()
    assert costs['precision'] == 'float32'
    assert costs['step_seconds'] > 0 and costs['test_seconds'] > 0


def test_mixed_precision_is_that_of_the_config(measured):
    wrapper = {'optim_wrapper.type': 'AmpPeftOptimWrapper'}
    assert measured('bias', **wrapper)['precision'] == 'bfloat16'


def test_steps_are_those_of_a_plain_training(
    measured, training, tmp_path, monkeypatch
):
    """A head trains by AdamW on the second batch of the loader and later."""
    ends = {}
    testing = MeasuringLoop._testing

    def look(loop):
        state = loop.runner.model.state_dict()
        ends.update({name: t.clone() for name, t in state.items()})
        return testing(loop)

    monkeypatch.setattr(MeasuringLoop, '_testing', look)
    measured('linear', **{'model.decode_head.dropout_ratio': 0})
    config = training('linear')
    config.model.decode_head.dropout_ratio = 0
    model = build_base(config).train()
    start = torch.load(tmp_path / 'selected.pth', weights_only=False)
    model.load_state_dict(start['state_dict'])
    optimizer = torch.optim.AdamW(model.decode_head.parameters(), lr=1e-3)
    batches = [*Runner.build_dataloader(config.train_dataloader, seed=7)]
    for number in range(1, 1 + WARMUP + 2):
        data = copy.deepcopy(batches[number % len(batches)])
        losses = model(**model.data_preprocessor(data, True), mode='loss')
        optimizer.zero_grad()
        losses['decode.loss_ce'].backward()
        optimizer.step()
    for name, expected in model.decode_head.named_parameters():
        got = ends[f'decode_head.{name}']
        # Steps of Adam are 1e-3; float32 rounds sums in another order.
        torch.testing.assert_close(got, expected.data, rtol=0, atol=1e-5)


def test_a_later_visit_goes_on_from_the_first_selection(measured, tmp_path):
    k = {'custom_hooks.0.method.k': 1}
    first = measured('gps', **k)
    kept = torch.load(tmp_path / 'selected.pth', weights_only=False)
    later = measured('gps', selected=True, **k)
    assert first['pass_seconds'] > 0 and later['pass_seconds'] is None
    assert first['saved_bytes'] == later['saved_bytes']
    assert kept['meta']['iter'] == 0
