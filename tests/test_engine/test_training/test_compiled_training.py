"""MMEngine's setting ``compile`` compiles the parts of the model."""

import pytest
import torch
from torch._dynamo.utils import counters
from toy_run import run
from tracing import IGNORED_IN_TRACING

pytestmark = IGNORED_IN_TRACING


@pytest.fixture(autouse=True)
def fresh_counters():
    torch.compiler.reset()
    counters.clear()


def trained(tmp_path, **options):
    runner, before = run(tmp_path, iters=5, **options)
    return runner, before, runner.model.state_dict()


def test_a_compiled_run_trains_alike_without_breaks(tmp_path):
    *_, plain = trained(tmp_path / 'plain')
    runner, before, compiled = trained(
        tmp_path / 'compiled', cfg={'compile': {'backend': 'aot_eager'}}
    )
    for name, tensor in plain.items():
        torch.testing.assert_close(compiled[name], tensor, msg=name)
    assert counters['stats']['unique_graphs'] == 2  # encoder and head
    assert not counters['graph_break']
    assert 'train_step' not in vars(runner.model)
    assert not any('forward' in vars(m) for m in runner.model.modules())
    weight = 'backbone.fc.weight'
    moved = (compiled[weight] != before[weight]).sum()
    assert 0 < moved <= runner.custom_hook.selection[weight].numel()


@pytest.mark.parametrize(
    ('setting', 'found'),
    [
        ('yes', "'yes'"),
        (3, '3'),
        ({'backend': 'nope'}, "Invalid backend: 'nope'"),
        ({'mode': 'fast'}, 'mode=fast'),
        ({'speed': 1}, 'speed'),
    ],
)
def test_other_settings_are_refused_before_the_selection(
    tmp_path, setting, found
):
    with pytest.raises(ValueError, match=f'compile: expected .*{found}'):
        trained(tmp_path, cfg={'compile': setting})
    assert not (tmp_path / 'selection.safetensors').exists()


@pytest.mark.parametrize('setting', [None, False])
def test_without_the_setting_nothing_is_compiled(tmp_path, setting):
    trained(tmp_path, cfg={'compile': setting})
    assert not counters['stats']
