"""A run with averaged weights and an encoder that no file and no seed gives.

Its files must give the scores that the training gave, with the very config
that it was started with.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from run_tool import run_tool

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.apis import init_model  # noqa: E402

from gps_seg.datasets.synthetic_polyps import ensure_dataset  # noqa: E402
from gps_seg.delta import Delta, revert, switch  # noqa: E402
from gps_seg.engine import load_task  # noqa: E402
from gps_seg.models import read_checkpoint  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
SIZES = {'train': 8, 'tune': 2, 'val': 4}
TEXT = """
_base_ = [{base!r}]
load_from = None
randomness = dict(_delete_=True, seed=None)
custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1)),
    dict(type='EMAHook', momentum=0.6),
]
train_cfg = dict(max_iters=4, val_interval=4)
param_scheduler = []
# With the loss of the background too, a short run sees nothing else.
model = dict(
    decode_head=dict(
        loss_decode=dict(
            _delete_=True,
            type='DiceLoss',
            use_sigmoid=False,
            naive_dice=True,
            ignore_index=0,
        )
    )
)
default_hooks = dict(
    checkpoint=dict(interval=2, save_best='image_mDice'),
)
_loader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root={data!r}),
)
train_dataloader = dict(**_loader, batch_size=4)
val_dataloader = _loader
test_dataloader = _loader
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """With the data, ``mine.py``, and the run in ``run``."""
    folder = tmp_path_factory.mktemp('drawn')
    ensure_dataset(
        folder / 'data', domain='target', split_sizes=SIZES, size=112, seed=0
    )
    base = str(REPO / 'configs/demo/gps.py')
    text = TEXT.format(base=base, data=str(folder / 'data'))
    (folder / 'mine.py').write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_tool(
            *('train.py', 'mine.py', '--work-dir', 'run'),
            *('--cfg-options', 'visualizer.name=run'),  # a singleton
        )
    return folder


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch, no_pictures):
    monkeypatch.chdir(folder)
    torch.manual_seed(99)  # another process would have drawn otherwise


def score(weights, config='mine.py'):
    run_tool(
        *('test.py', config, weights, '--work-dir', 'run'),
        *('--cfg-options', f'visualizer.name={config}-{Path(weights).name}'),
    )
    metrics = json.loads(Path('run/test_metrics.json').read_text())
    return {n: v for n, v in metrics.items() if 'time' not in n}


def said():
    """The scores of the one validation, which is of the averaged weights."""
    metric = Delta.load('run/best_delta.safetensors').info.metric
    return {n: v for n, v in metric.items() if 'time' not in n}


@pytest.mark.parametrize('name', ['best_delta', 'ema_delta'])
def test_a_delta_scores_what_the_training_said(name):
    assert score(f'run/{name}.safetensors') == said()


def test_the_last_weights_are_not_averaged():
    """Nor are those of a checkpoint; a config without the hook agrees."""
    model = init_model(Config.fromfile('mine.py'), device='cpu')
    load_task(model, 'mine.py', 'run/delta.safetensors')
    torch.save({'state_dict': model.state_dict()}, 'last.pth')
    text = Path('mine.py').read_text()
    plain = text.replace("dict(type='EMAHook', momentum=0.6),", '')
    Path('plain.py').write_text(plain)
    expected = score('last.pth', 'plain.py')
    assert score('run/delta.safetensors') == expected
    assert score('last.pth') == expected
    assert expected != said()


def test_the_seed_is_in_delta_and_config():
    delta = Delta.load('run/delta.safetensors')
    state = read_checkpoint('run/resume.pth')
    assert delta.info.seed == state['meta']['seed']
    config = Config.fromfile('run/mine.py')
    assert config.randomness.seed == delta.info.seed
    assert f'seed={delta.info.seed}' in delta.info.config


def test_a_test_leaves_the_config_of_the_training():
    before = Path('run/mine.py').read_text()
    score('run/delta.safetensors')
    assert Path('run/mine.py').read_text() == before
    assert len(list(Path('run').glob('2*'))) == 1  # folders with a log


def delta_tool(command, *arguments):
    run_tool('delta.py', command, *arguments)


def test_every_tool_builds_the_base_again(tmp_path, capsys):
    delta = 'run/best_delta.safetensors'
    delta_tool('verify', delta, '--config', 'mine.py')
    delta_tool('merge', 'mine.py', delta, '--out', tmp_path / 'full.pth')
    merged = read_checkpoint(tmp_path / 'full.pth')['state_dict']
    model = init_model(Config.fromfile('mine.py'), device='cpu')
    load_task(model, 'mine.py', delta)
    for name, tensor in model.state_dict().items():
        assert torch.equal(merged[name], tensor), name
    run_tool(
        *('export.py', 'mine.py', delta, '--size', 112, 112),
        *('--out', tmp_path / 'model.pt'),
    )


def test_a_sweep_averages_nothing(tmp_path):
    delta_tool(
        *('sweep', 'mine.py', 'run/best_delta.safetensors'),
        *('--alphas', 1, '--out', tmp_path / 'sweep.png'),
    )
    content = json.loads((tmp_path / 'sweep.json').read_text())
    (only,) = content['scores']
    assert {n: only['metrics'][n] for n in said()} == said()


def test_a_stopped_run_goes_on_without_a_seed(tmp_path):
    shutil.copytree('run', 'again')
    run_tool(
        *('train.py', 'mine.py', '--work-dir', 'again', '--resume'),
        *('--cfg-options', 'train_cfg.max_iters=6', 'visualizer.name=again'),
    )
    before, after = (
        Delta.load(f'{folder}/delta.safetensors')
        for folder in ('run', 'again')
    )
    assert before.fingerprint == after.fingerprint
    assert before.info.seed == after.info.seed
    assert Config.fromfile('again/mine.py').load_from is None


def test_tensors_that_a_file_lacks_are_counted(capsys):
    """MMEngine loads the rest, and lists what is missing among other lines."""
    model = init_model('mine.py', device='cpu')
    weights = model.backbone.state_dict()
    for name in ('layers.1.attn.qkv.weight', 'layers.1.attn.proj.weight'):
        del weights[name]
    torch.save(weights, 'partial.pth')
    init = dict(type='Pretrained', checkpoint='partial.pth')
    text = (
        Path('mine.py')
        .read_text()
        .replace(
            'model = dict(', f'model = dict(backbone=dict(init_cfg={init}),'
        )
    )
    Path('partial.py').write_text(text)
    run_tool(
        *('train.py', 'partial.py', '--work-dir', 'partial', '--cfg-options'),
        *('train_cfg.max_iters=1', 'visualizer.name=partial'),
    )
    said = capsys.readouterr().out
    assert 'base: 2 of 54 tensors of the encoder were drawn at random' in said


@HOOKS.register_module(force=True)
class DrawsFirst(Hook):
    """Draws before the model is initialised, as a data set may."""

    def before_run(self, runner):
        torch.rand(1)


def test_a_base_that_cannot_be_drawn_again_is_kept(tmp_path, capsys):
    text = Path('mine.py').read_text()
    own = text.replace(
        'custom_hooks = [', "custom_hooks = [dict(type='DrawsFirst'),"
    )
    Path('own.py').write_text(own)
    run = ('train.py', 'own.py', '--work-dir', 'kept', '--cfg-options')
    run_tool(*run, 'train_cfg.max_iters=1', 'visualizer.name=kept-1')
    option = 'load_from=' + str(Path('kept/base.pth').resolve())
    assert f'--cfg-options {option}' in capsys.readouterr().out

    run_tool(
        *run, 'train_cfg.max_iters=2', 'visualizer.name=kept-2', '--resume'
    )
    delta = 'kept/best_delta.safetensors'
    with pytest.raises(ValueError, match=r'or load the base\.pth'):
        load_task(init_model('own.py', device='cpu'), 'own.py', delta)
    config = Config.fromfile('own.py')
    config.load_from = 'kept/base.pth'
    load_task(init_model('own.py', device='cpu'), config, delta)


@pytest.fixture
def undo_determinism():
    """Of torch's own switch, which MMEngine sets for the whole process."""
    cudnn = torch.backends.cudnn
    before = (cudnn.deterministic, cudnn.benchmark)
    yield
    torch.use_deterministic_algorithms(False)
    cudnn.deterministic, cudnn.benchmark = before


@pytest.mark.usefixtures('undo_determinism')
def test_deterministic_algorithms_train_and_test(tmp_path):
    text = Path('mine.py').read_text()
    strict = text.replace('seed=None', 'seed=3, deterministic=True')
    Path('strict.py').write_text(strict)
    run_tool(
        *('train.py', 'strict.py', '--work-dir', 'strict'),
        *('--cfg-options', 'train_cfg.max_iters=2'),
    )
    delta = 'strict/delta.safetensors'
    assert score(delta, 'strict.py')
    model = init_model('strict.py', device='cpu')
    load_task(model, 'strict.py', delta)
    switch(model, Delta.load('strict/ema_delta.safetensors'))
    revert(model)
    delta_tool('merge', 'strict.py', delta, '--out', tmp_path / 'full.pth')
    delta_tool(
        *('sweep', 'strict.py', delta, '--alphas', 0.5),
        *('--out', tmp_path / 'sweep.png'),
    )
    assert torch.are_deterministic_algorithms_enabled()
