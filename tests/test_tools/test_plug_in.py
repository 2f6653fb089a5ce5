"""The three ways of docs/plug_in.md, on MMSegmentation's own SegFormer-B0.

Its config is used as it comes, but for the size of images and the length of
the run. The blocks are those of the document.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from run_tool import run_tool

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.registry import MODELS  # noqa: E402

from gps_seg.delta import Delta  # noqa: E402
from gps_seg.engine.config.source import (  # noqa: E402
    config_folder,
    read_config,
)
from gps_seg.engine.reporting import selection_report  # noqa: E402
from gps_seg.models import read_checkpoint  # noqa: E402
from gps_seg.sparse import Selection  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
TEXT = (REPO / 'docs/plug_in.md').read_text(encoding='utf-8')
ONE_MORE_BASE, THREE_LINES = re.findall(r'```python\n(.*?)```', TEXT, re.S)
TRAIN, TEST, TRAIN_MINE = [
    line
    for block in re.findall(r'```\n(python .*?)```', TEXT, re.S)
    for line in block.splitlines()
]
SOURCE = TRAIN.split()[2]
# MMSegmentation warns of what it does itself, in its own configs.
pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
MMSEG_TRAIN = config_folder('mmseg').parent / 'tools/train.py'


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """What makes SegFormer-B0 on ADE20K a matter of seconds, by key."""
    folder = tmp_path_factory.mktemp('ade')
    draw_images(folder)
    save_weights(folder / 'mit_b0.pth')
    settings = {
        'crop_size': (32, 32),
        'load_from': None,
        'model.data_preprocessor.size': (32, 32),
        'model.backbone.init_cfg.checkpoint': str(folder / 'mit_b0.pth'),
        'train_dataloader.dataset.pipeline.2.scale': (64, 32),
        'train_dataloader.dataset.pipeline.3.crop_size': (32, 32),
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
        'default_hooks.checkpoint.save_best': 'mIoU',
    }
    for split in ('train', 'val', 'test'):
        loader = f'{split}_dataloader'
        settings[f'{loader}.num_workers'] = 0
        settings[f'{loader}.persistent_workers'] = False
        settings[f'{loader}.dataset.data_root'] = str(folder)
        if split != 'train':
            settings[f'{loader}.dataset.pipeline.1.scale'] = (64, 32)
    return settings


def draw_images(folder):
    rng = np.random.default_rng(0)
    for split, count in {'training': 4, 'validation': 2}.items():
        for kind, channels in {'images': (3,), 'annotations': ()}.items():
            place = folder / kind / split
            place.mkdir(parents=True)
            suffix = 'jpg' if channels else 'png'
            for number in range(count):
                pixels = rng.integers(0, 151, (40, 48, *channels))
                cv2.imwrite(
                    str(place / f'{number}.{suffix}'), pixels.astype(np.uint8)
                )


def save_weights(path):
    """Stand for the pretrained weights, which a config asks for."""
    settings = read_config(SOURCE).model.backbone
    settings.pop('init_cfg')
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = MODELS.build(settings)
        backbone.init_weights()
    torch.save(backbone.state_dict(), path)


@pytest.fixture(scope='module')
def plain_config(small, tmp_path_factory):
    path = tmp_path_factory.mktemp('plain') / 'your_config.py'
    read_config(SOURCE, small).dump(path)
    return path


@pytest.fixture
def your_config(plain_config, tmp_path, monkeypatch):
    """In the current folder."""
    shutil.copy(plain_config, tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope='module', autouse=True)
def _no_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            selection_report, 'plot_selection', lambda *arguments: None
        )
        yield


def call(command, *more):
    """Run ``python tools/...`` in this process."""
    _, tool, *arguments = shlex.split(command)
    run_tool(tool.removeprefix('tools/'), *arguments, *more)


def options(settings):
    return ['--cfg-options', *(f'{k}={v}' for k, v in settings.items())]


@pytest.fixture(scope='module')
def delta(small, tmp_path_factory):
    """What the first way ends with: no edit, only the command line."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path_factory.mktemp('first'))
        call(TRAIN, '--seed', '0', *options(small))
        tested = {**small, 'visualizer.name': 'test'}  # one process, two runs
        call(TEST, *options(tested))
        return Delta.load(Path(TEST.split()[3]).absolute())


def same(delta, other):
    assert delta.selection.hash == other.selection.hash
    assert delta.changes.keys() == other.changes.keys()
    return all(
        torch.equal(change.values.numbers, other.changes[name].values.numbers)
        for name, change in delta.changes.items()
    )


def test_no_edit_trains_what_the_method_says(delta):
    assert delta.info.method == {'type': 'gps', 'k': 1}
    assert delta.info.classes[0] == 'wall'
    # One connection of each neuron, of a model without tokens or tables.
    settings = read_config(SOURCE).model.backbone
    settings.pop('init_cfg')
    weights = [p for p in MODELS.build(settings).parameters() if p.ndim > 1]
    assert delta.selection.num_selected == sum(len(p) for p in weights)


@pytest.fixture(scope='module')
def one_more_base(plain_config, tmp_path_factory):
    """Work directory of the second way."""
    folder = tmp_path_factory.mktemp('second')
    shutil.copy(plain_config, folder)
    (folder / 'mine.py').write_text(ONE_MORE_BASE)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        call(TRAIN_MINE, '--seed', '0')
    return folder / 'work_dirs/mine'


def test_one_more_base_gives_the_same_delta(delta, one_more_base):
    assert same(delta, Delta.load(one_more_base / 'delta.safetensors'))
    assert (one_more_base / 'best_delta.safetensors').is_file()


def test_three_lines_do_under_the_tool_of_mmsegmentation(
    delta, your_config, monkeypatch
):
    Path('mine.py').write_text(THREE_LINES)
    call(
        f'python {MMSEG_TRAIN} mine.py --cfg-options randomness.seed=0',
    )
    state = read_checkpoint('work_dirs/mine/iter_2.pth')
    trained = Selection(state['gps_seg']['indices'], delta.selection.shapes)
    assert trained.hash == delta.selection.hash
    for name, change in delta.changes.items():
        tensor = state['state_dict'][name].flatten()
        if change.indices is not None:
            tensor = tensor[change.indices]
        assert torch.equal(tensor, change.values.numbers), name


@pytest.mark.slow
def test_a_config_in_mixed_precision_runs_under_the_tool_of_mmsegmentation(
    your_config,
):
    """In a process of its own, in which nobody has imported this package."""
    text = THREE_LINES.replace('Peft' + 'OptimWrapper', 'AmpPeftOptimWrapper')
    assert 'AmpPeftOptimWrapper' in text
    Path('mine.py').write_text(text)
    command = [sys.executable, str(MMSEG_TRAIN), 'mine.py']
    environment = {**os.environ, 'PYTHONPATH': str(REPO)}
    subprocess.run(command, env=environment, check=True)
    assert Path('work_dirs/mine/iter_2.pth').is_file()
    refused = subprocess.run(
        [*command, '--amp'],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'AssertionError: `--amp` is only supported' in refused.stderr


def test_the_config_that_is_left_behind_runs_under_any_tool(
    delta, one_more_base, tmp_path, monkeypatch
):
    """It needs neither ``--method`` nor the runner of the second base."""
    ran = Config.fromfile(one_more_base / 'mine.py')
    assert 'runner_type' not in ran
    assert 'gps_seg.engine' in ran.custom_imports.imports
    assert [hook.type for hook in ran.custom_hooks] == ['PeftHook']
    monkeypatch.chdir(tmp_path)
    config = one_more_base / 'mine.py'
    call(f'python {MMSEG_TRAIN} {config} --work-dir again')
    assert same(delta, Delta.load('again/delta.safetensors'))


@pytest.mark.slow
def test_amp_and_a_method_go_together(your_config, monkeypatch):
    call(
        'python tools/train.py your_config.py --method gps --k 1 --amp',
    )
    ran = Config.fromfile('work_dirs/your_config/your_config.py')
    assert ran.optim_wrapper.type == 'AmpPeftOptimWrapper'
    Delta.load('work_dirs/your_config/delta.safetensors')
