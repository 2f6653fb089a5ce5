"""Runs on a GPU: the optim wrappers, the tools, and a resumed run."""

import json
from pathlib import Path

import pytest
import torch
from bits import other_bits
from distributed_cases import StopAfter, StoppedError
from mmengine.device import get_device
from on_gpu import DEVICE
from run_tool import run_tool
from toy_run import WHOLE, ToySet, run

from gps_seg.datasets.synthetic_polyps import ensure_dataset
from gps_seg.delta import Delta
from gps_seg.models import read_checkpoint

pytestmark = pytest.mark.gpu

REPO = Path(__file__).resolve().parents[2]
CONFIG = str(REPO / 'configs/demo/gps.py')
ADAMW = {'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.1}
SGD = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 0.1}
FLOAT32 = {'wrapper': 'PeftOptimWrapper'}
BFLOAT16 = {
    'wrapper': 'AmpPeftOptimWrapper',
    'wrapper_options': {'dtype': 'bfloat16', 'clip_grad': {'max_norm': 1.0}},
}
DEFAULT = {'wrapper': 'AmpPeftOptimWrapper'}  # float16 on a GPU
WRAPPERS = {'float32': FLOAT32, 'bfloat16': BFLOAT16, 'default': DEFAULT}


def on_cpu(state):
    return {name: tensor.cpu() for name, tensor in state.items()}


@pytest.mark.usefixtures('no_pictures')
@pytest.mark.parametrize('optimizer', [ADAMW, SGD], ids=['AdamW', 'SGD'])
@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_only_what_is_selected_moves(tmp_path, wrapper, optimizer):
    runner, before = run(
        tmp_path, optimizer=optimizer, iters=6, **WRAPPERS[wrapper]
    )
    assert next(runner.model.parameters()).device.type == DEVICE.type
    selection = runner.custom_hook.selection
    after = on_cpu(runner.model.state_dict())
    for name, _ in runner.model.named_parameters():
        moved = other_bits(before[name], after[name])
        frozen = torch.full(moved.shape, name not in WHOLE)
        if name in selection:
            assert moved.view(-1)[selection[name]].any(), name
            frozen.view(-1)[selection[name]] = False
        assert not (moved & frozen).any(), name


@pytest.mark.usefixtures('no_pictures')
@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_a_resumed_run_ends_as_an_unbroken_one(tmp_path, wrapper):
    def train(name, hooks=(), **others):
        runner, _ = run(
            tmp_path / name,
            dataset=ToySet(),
            # Of a gradient that is rounding alone, AdamW makes a full step.
            optimizer=SGD,
            hooks=[{'type': 'SeededStepsHook'}, *hooks],
            checkpoint={'type': 'DeltaHook', 'interval': 3},
            iters=6,
            **WRAPPERS[wrapper],
            **others,
        )
        return on_cpu(runner.model.state_dict())

    straight = train('straight')
    with pytest.raises(StoppedError):
        train('stopped', hooks=[StopAfter(3)])
    resumed = train('stopped', resume=True)
    for name, tensor in straight.items():
        torch.testing.assert_close(
            resumed[name], tensor, rtol=2e-3, atol=2e-3, msg=name
        )


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'target'
    sizes = {'train': 8, 'tune': 2, 'val': 4}
    ensure_dataset(
        folder, domain='target', split_sizes=sizes, size=112, seed=0
    )
    return folder


def options(data, iters):
    loaders = {}
    for split in ('train', 'val', 'test'):
        loader = f'{split}_dataloader'
        loaders[f'{loader}.dataset.data_root'] = data
        loaders[f'{loader}.num_workers'] = int(split == 'train')
        loaders[f'{loader}.persistent_workers'] = False
    settings = {
        **loaders,
        'load_from': REPO / 'data/demo/vit-demo_source.safetensors',
        'train_dataloader.batch_size': 4,
        'train_dataloader.pin_memory': DEVICE.type == 'cuda',
        'train_cfg.max_iters': iters,
        'train_cfg.val_interval': iters,
        'default_hooks.checkpoint.interval': iters,
    }
    return ['--cfg-options', *(f'{k}={v}' for k, v in settings.items())]


def train(data, iters, *arguments):
    run_tool(
        *('train.py', CONFIG, '--work-dir', 'run', '--seed', 3),
        *('--traceback', *arguments, *options(data, iters)),
    )
    return Delta.load('run/delta.safetensors')


@pytest.mark.usefixtures('coarse_pictures')
@pytest.mark.parametrize('amp', [[], ['--amp']], ids=['float32', 'amp'])
def test_train_resume_and_test_as_a_user_does(
    tmp_path, monkeypatch, data, amp
):
    monkeypatch.chdir(tmp_path)
    assert get_device() == DEVICE.type
    before = train(data, 3, *amp)
    after = train(data, 5, '--resume', *amp)
    assert read_checkpoint('run/resume.pth')['meta']['iter'] == 5
    assert before.selection.hash == after.selection.hash
    assert any(
        not torch.equal(
            before.changes[name].values.numbers,
            after.changes[name].values.numbers,
        )
        for name in before.selection
    )
    run_tool(
        *('test.py', CONFIG, 'run/delta.safetensors', '--traceback'),
        *('--work-dir', 'tested', '--out', 'labels', '--show-dir', 'drawn'),
        *options(data, 5),
    )
    scores = json.loads(Path('tested/test_metrics.json').read_text())
    assert 0 <= scores['Dice.polyp'] <= 100
    assert len(list(Path('labels').iterdir())) == 4
