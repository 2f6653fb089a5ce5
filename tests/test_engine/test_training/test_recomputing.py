"""Runs that recompute: the same results, and a plain model at last."""

import copy
from types import SimpleNamespace

import pytest
import torch
from bits import other_bits
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import MMLogger
from toy_run import run, toy_model

from gps_seg.engine.training.host_execution import HostExecution
from gps_seg.execution.instance_forward import has_own_forward


class Mlp(torch.nn.Module):
    def __init__(self, act):
        super().__init__()
        self.fc1, self.act = torch.nn.Linear(8, 32), act
        self.fc2 = torch.nn.Linear(32, 8)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(torch.nn.Module):
    """A block that takes the place of the toy model's last layer."""

    def __init__(self, act):
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(8), torch.nn.LayerNorm(8)
        self.attn = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = Mlp(act)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y)[0]
        return x + self.mlp(self.norm2(x))


def model(act=torch.nn.GELU):
    toy = toy_model()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        toy.backbone.fc = Block(act())
    return toy


class Watch(Hook):
    """What has another forward before each iteration."""

    def __init__(self):
        self.changed = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.changed.append(changed_in(runner.model))


def changed_in(model):
    return [n for n, m in model.named_modules() if has_own_forward(m)]


CHANGED = {
    'mlps': [
        f'backbone.fc.{name}'
        for name in ('norm2', 'mlp.fc1', 'mlp.act', 'mlp.fc2')
    ],
    'blocks': ['backbone.fc'],
}
#: So that no other part of this package changes a forward.
UNFUSED = {'fused_attention': False}


@pytest.fixture(autouse=True)
def as_random_as_before():
    """MMEngine's setting lasts beyond the run."""
    before = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn
    flags = (cudnn.deterministic, cudnn.benchmark)
    yield
    torch.use_deterministic_algorithms(before)
    cudnn.deterministic, cudnn.benchmark = flags


def trained(path, recompute='mlps', **options):
    return run(
        path,
        model=model(),
        hook_options={'recompute': recompute, **UNFUSED},
        randomness={'deterministic': True},
        **options,
    )[0]


@pytest.mark.parametrize('recompute', ['mlps', 'blocks'])
def test_a_run_selects_and_trains_the_same(tmp_path, recompute):
    plain, watch = trained(tmp_path / 'a', None), Watch()
    runner = trained(tmp_path / 'b', recompute, hooks=[watch])
    assert watch.changed == [CHANGED[recompute]] * 6
    assert (
        runner.custom_hook.selection.hash == plain.custom_hook.selection.hash
    )
    expected = plain.model.state_dict()
    for name, tensor in runner.model.state_dict().items():
        assert not other_bits(tensor, expected[name]).any(), name


def test_the_model_is_plain_after_the_run(tmp_path):
    runner = trained(tmp_path)
    assert changed_in(runner.model) == []


def test_nothing_is_recomputed_unless_it_is_wanted(tmp_path):
    watch = Watch()
    run(tmp_path, model=model(), hooks=[watch], iters=1, hook_options=UNFUSED)
    assert watch.changed == [[]]


def test_the_average_stays_plain(tmp_path):
    runner = trained(tmp_path, hooks=[EMAHook()])
    average = next(h for h in runner.hooks if isinstance(h, EMAHook))
    assert changed_in(average.ema_model.module) == []


def test_a_resumed_run_recomputes_too(tmp_path):
    trained(tmp_path, iters=3)
    watch = Watch()
    trained(tmp_path, iters=6, hooks=[watch], resume=True)
    assert watch.changed == [CHANGED['mlps']] * 3


@pytest.mark.parametrize('compiles', [True, False])
def test_what_an_interrupted_run_has_left_is_undone(compiles):
    runner = SimpleNamespace(
        model=model(),
        cfg=Config({'compile': compiles}),
        logger=MMLogger.get_current_instance(),
    )
    host = HostExecution(False, None if compiles else 'blocks')
    host.begin_selecting(runner, 'backbone')
    host.begin_training(runner)
    assert changed_in(runner.model)
    host.begin(runner.model)  # of the next run
    assert changed_in(runner.model) == []


@pytest.fixture
def messages(monkeypatch):
    """What runs log."""
    seen = []
    plain = MMLogger.callHandlers

    def handle(logger, record):
        seen.append((record.levelname, record.getMessage()))
        plain(logger, record)

    monkeypatch.setattr(MMLogger, 'callHandlers', handle)
    return seen


@pytest.mark.parametrize('recompute', ['mlps', 'blocks'])
def test_one_line_says_how_many_are_recomputed(tmp_path, messages, recompute):
    trained(tmp_path, recompute, iters=1)
    lines = [m for m in messages if m[1].startswith('recompute')]
    text = f'recompute={recompute!r}: the backward pass recomputes 1 of 1.'
    assert lines == [('INFO', text)]


def test_a_run_in_which_nothing_is_recomputed_warns(tmp_path, messages):
    run(
        tmp_path,
        model=model(torch.nn.ReLU),
        hook_options={'recompute': 'mlps'},
        iters=1,
    )
    ((level, text),) = [m for m in messages if m[1].startswith('recompute')]
    assert level == 'WARNING'
    assert 'recomputes 0 of 1. 1 left as they are: no activat' in text


@pytest.mark.parametrize('setting', [True, {}, {'backend': 'eager'}])
def test_compiled_runs_are_refused_with_the_setting_of_the_compiler(
    tmp_path, setting
):
    with pytest.raises(ValueError, match='activation_memory_budget'):
        trained(tmp_path, cfg={'compile': setting})


def test_additions_at_the_first_layer_leave_the_mlp(tmp_path, messages):
    method = {'type': 'lora', 'rank': 2, 'on': ['fc1']}
    states = [
        copy.deepcopy(
            trained(tmp_path / str(on), on, method=method).model.state_dict()
        )
        for on in (None, 'mlps')
    ]
    assert any('hooks or additions' in text for _, text in messages)
    for name, tensor in states[1].items():
        assert not other_bits(tensor, states[0][name]).any(), name
