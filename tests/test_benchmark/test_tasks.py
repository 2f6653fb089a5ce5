"""What single processes of a run measure, on encoders of four blocks."""

import pytest
import torch
from torch import nn

from gps_seg.benchmark import Settings
from gps_seg.benchmark.methods import METHODS
from gps_seg.benchmark.tasks import fixed_costs
from gps_seg.benchmark.tasks.compilation import (
    read_compilation,
    start_compiling,
)
from gps_seg.benchmark.tasks.selecting import select
from gps_seg.benchmark.tasks.setting_up import set_up
from gps_seg.benchmark.tasks.some_delta import some_delta
from gps_seg.benchmark.tasks.training import measure
from gps_seg.delta import apply
from gps_seg.execution.instance_forward import has_own_forward
from gps_seg.sparse import Selection
from gps_seg.sparse.training import columns

SETTINGS = Settings(arch='mmseg-tiny', size=32, steps=1, rounds=1, warmup=1)


@pytest.fixture
def selection(tmp_path):
    file = str(tmp_path / 'selection.safetensors')
    select(SETTINGS, [1], [file])
    return file


def visit(selection, attention='fused', variant='plain', settings=SETTINGS):
    return measure(settings, 'ours', selection, True, {}, attention, variant)


@pytest.mark.parametrize(
    ('attention', 'number'), [('fused', 4), ('shipped', 0)]
)
def test_attention_of_the_host(attention, number):
    model, _ = set_up(SETTINGS, attention)
    fused = [
        module
        for module in model.modules()
        if isinstance(module, nn.MultiheadAttention)
        and has_own_forward(module)
    ]
    assert len(fused) == number


def test_both_attentions_give_the_same_loss():
    fused, shipped = (
        set_up(SETTINGS, attention)[1]() for attention in ('fused', 'shipped')
    )
    torch.testing.assert_close(fused, shipped)


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint:UserWarning')
@pytest.mark.parametrize('checkpointing', ['blocks', 'with_cp'])
def test_every_variant_keeps_less_than_the_one_before(
    selection, checkpointing
):
    larger = Settings(arch='mmseg-tiny', size=64, steps=1)
    saved = [
        visit(selection, *how, settings=larger)['counts'][0]
        for how in (
            ('shipped', 'plain'),
            ('fused', 'plain'),
            ('fused', 'mlps'),
            ('fused', checkpointing),
        )
    ]
    assert saved == sorted(saved, reverse=True)
    assert len({*saved}) == len(saved)


def test_a_visit_under_bfloat16_keeps_less(selection):
    half = Settings(arch='mmseg-tiny', size=32, steps=1, dtype='bfloat16')
    assert (
        visit(selection, settings=half)['counts'][0]
        < visit(selection)['counts'][0]
    )


def test_a_host_that_cannot_checkpoint_says_so(selection):
    tiny = Settings(arch='tiny', size=32)
    with pytest.raises(TypeError, match='with_cp'):
        visit(None, variant='with_cp', settings=tiny)


def test_a_delta_as_training_leaves_it(selection):
    chosen = Selection.load(selection)
    model, loss = set_up(SETTINGS)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    plain = loss().item()
    delta = some_delta(model, chosen)
    assert delta.selection.hash == chosen.hash
    for name, tensor in model.state_dict().items():
        if 'num_batches' not in name and 'running' not in name:
            assert torch.equal(tensor, before[name]), name
    trained = METHODS['ours'].build(set_up(SETTINGS)[0], loss, chosen).trained
    assert {*delta.changes} == {n for n in trained if n.startswith('backbone')}
    apply(model, delta)
    assert loss().item() != plain


def test_interception_is_timed_in_every_layer(monkeypatch):
    taken, plain = [], columns.selected_linear

    def counted(*args):
        taken.append(args)
        return plain(*args)

    def count(run):
        taken.clear()
        run()
        return len(taken)

    monkeypatch.setattr(columns, 'selected_linear', counted)
    monkeypatch.setattr(fixed_costs, '_fastest', count)
    assert fixed_costs.interception(16) == 1


def test_breaks_and_recompilations_are_counted():
    def function(x):
        y = x + 1
        torch._dynamo.graph_break()
        return y * 2

    start_compiling()
    run = torch.compile(function, backend='eager', dynamic=False)
    run(torch.ones(2))
    graphs, breaks, again = read_compilation()
    assert (graphs, breaks, again) == (2, 1, 0)
    run(torch.ones(3))
    assert read_compilation().again == 2  # before and after the break
    start_compiling()
    assert read_compilation() == (0, 0, 0)
