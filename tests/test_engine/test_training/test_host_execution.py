"""How the model of a run computes, by the settings of its PeftHook."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.model import BaseModel
from mmseg.apis import init_model
from mmseg.models.backbones import VisionTransformer
from rounding import rounding_error
from torch import nn
from toy_run import run

from gps_seg.delta import DeltaInfo, extract
from gps_seg.engine import PeftHook, build_base, build_tuned, load_task
from gps_seg.execution.instance_forward import has_own_forward

LAYERS = 2
SEG_VIT = dict(
    type='VisionTransformer',
    img_size=(16, 24),
    patch_size=8,
    embed_dims=16,
    num_layers=LAYERS,
    num_heads=2,
    mlp_ratio=2,
    out_indices=(1,),
)


class ViTModel(BaseModel):
    """MMSegmentation's ViT in a model that takes what the toy model takes."""

    def __init__(self):
        super().__init__()
        sizes = dict(img_size=8, patch_size=4, embed_dims=8, num_heads=2)
        self.backbone = VisionTransformer(num_layers=LAYERS, **sizes)
        self.decode_head = nn.Linear(8, 2)

    def init_weights(self):
        """Keep the weights that were drawn."""

    def forward(self, x, y, mode='tensor'):
        logits = self.decode_head(self.backbone(x)[-1].mean((2, 3)))
        if mode == 'loss':
            return {'loss': nn.functional.cross_entropy(logits, y)}
        return logits


def fused(model):
    return sum(
        has_own_forward(module)
        for module in model.modules()
        if isinstance(module, nn.MultiheadAttention)
    )


class Watch(Hook):
    """Counts the fused layers of a model and its average, at each event."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.counts = {}

    def _note(self, event, runner):
        models = [runner.model]
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                models.append(hook.ema_model)
        self.counts[event] = [fused(model) for model in models]

    def before_run(self, runner):
        self._note('before_run', runner)

    def after_train_iter(self, runner, **_):
        self._note('iteration', runner)

    def after_train(self, runner):
        self._note('after_train', runner)


def trained(work_dir, watch=None, **options):
    torch.manual_seed(0)
    hooks = [EMAHook(), *([] if watch is None else [watch])]
    return run(work_dir, model=ViTModel(), hooks=hooks, **options)[0]


def test_attention_is_fused_in_the_model_and_its_average(tmp_path):
    watch = Watch()
    runner = trained(tmp_path, watch)
    events = ('before_run', 'iteration', 'after_train')
    assert watch.counts == {event: [LAYERS, LAYERS] for event in events}
    assert fused(runner.model) == 0  # a plain model after the run


def test_a_run_without_it_has_the_layers_as_they_are(tmp_path):
    watch = Watch()
    trained(tmp_path, watch, hook_options={'fused_attention': False})
    assert set(map(tuple, watch.counts.values())) == {(0, 0)}


def test_a_validation_or_test_runs_fused_too(tmp_path):
    runner = trained(tmp_path, train=False)
    for _ in range(2):  # the first run may have been interrupted
        runner.custom_hook.before_run(runner)
        assert fused(runner.model) == LAYERS
    runner.custom_hook.after_run(runner)
    assert fused(runner.model) == 0


@pytest.mark.parametrize('setting', [True, False])
def test_the_log_has_one_line_of_it(tmp_path, setting):
    trained(tmp_path, iters=1, hook_options={'fused_attention': setting})
    (log,) = tmp_path.rglob('*.log')
    lines = [s for s in log.read_text().splitlines() if 'runs fused' in s]
    assert len(lines) == int(setting)
    if setting:
        assert f'Attention runs fused in {LAYERS} layers' in lines[0]


def test_the_trained_weights_differ_by_rounding(tmp_path):
    states = [
        trained(
            tmp_path / str(setting), hook_options={'fused_attention': setting}
        ).model.state_dict()
        for setting in (True, False)
    ]
    error = rounding_error(1.0, torch.float32, terms=64, depth=24)
    for name, tensor in states[1].items():
        assert (states[0][name] - tensor).abs().max() < error, name


@pytest.mark.parametrize('setting', [True, False])
def test_a_run_can_be_resumed_with_the_other_setting(tmp_path, setting):
    options = {'fused_attention': setting}
    trained(tmp_path, iters=3, hook_options=options)
    options = {'fused_attention': not setting}
    watch = Watch()
    runner = trained(tmp_path, watch, resume=True, hook_options=options)
    assert runner.iter == 6
    assert watch.counts['iteration'] == [LAYERS * (not setting)] * 2


@pytest.fixture
def vit_config(config):
    """The small task on MMSegmentation's ViT, which throws weights away."""
    config.model.backbone = copy.deepcopy(SEG_VIT)
    config.randomness = {'seed': 0}
    return config


HOOK = {'type': 'PeftHook', 'method': {'type': 'gps', 'k': 1}}
SETTINGS = pytest.mark.parametrize(
    ('hooks', 'expected'),
    [
        ([HOOK], LAYERS),
        ([{**HOOK, 'fused_attention': True}], LAYERS),
        ([{**HOOK, 'fused_attention': False}], 0),
        ([{'type': 'EMAHook'}], 0),
        (None, 0),
    ],
)


@SETTINGS
def test_a_ready_model_computes_as_its_config_says(
    vit_config, hooks, expected, tmp_path
):
    vit_config.custom_hooks = hooks
    base = build_base(vit_config)
    assert fused(base) == expected
    path = tmp_path / 'delta.safetensors'
    state = base.state_dict()
    moved = {n: t + 1 if n.endswith('bias') else t for n, t in state.items()}
    extract(state, moved, DeltaInfo()).save(path)
    assert fused(build_tuned(vit_config, path)) == expected
    model = init_model(Config(vit_config.to_dict()), device='cpu')
    assert fused(model) == 0
    load_task(model, vit_config, path)
    assert fused(model) == expected


@pytest.mark.parametrize('name', ['fused_attention', 'checkpointing'])
@pytest.mark.parametrize('value', ['no', 1, None])
def test_a_setting_that_is_no_flag_is_refused(name, value):
    with pytest.raises(TypeError, match=f'{name}: expected True or False'):
        PeftHook({'type': 'gps', 'k': 1}, **{name: value})


@pytest.mark.parametrize('value', [True, 'mlp', ['blocks']])
def test_an_unknown_part_to_recompute_is_refused(value):
    with pytest.raises(ValueError, match="expected 'mlps', 'blocks' or None"):
        PeftHook({'type': 'gps', 'k': 1}, recompute=value)
