"""tools/train.py and tools/test.py as a user runs them, on drawn polyps.

They run in the folder of the test, with short work directories: MMEngine
formats the config, and takes seconds with long paths in it.
"""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from html_pages import Page
from mmengine.config import Config
from mmengine.runner import Runner
from run_tool import run_tool

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.datasets.synthetic_polyps import ensure_dataset  # noqa: E402
from gps_seg.delta import Delta, apply  # noqa: E402
from gps_seg.engine import build_base  # noqa: E402
from gps_seg.models import read_checkpoint  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
CONFIG = str(REPO / 'configs/demo/gps.py')
SIZES = {'train': 8, 'tune': 2, 'val': 4}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'target'
    ensure_dataset(
        folder, domain='target', split_sizes=SIZES, size=112, seed=0
    )
    return folder


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, no_pictures):
    monkeypatch.chdir(tmp_path)


def options(data, **others):
    settings = {
        **{
            f'{split}_dataloader.dataset.data_root': data
            for split in ('train', 'val', 'test')
        },
        'load_from': REPO / 'data/demo/vit-demo_source.safetensors',
        'train_dataloader.batch_size': 4,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'val_dataloader.num_workers': 0,
        'val_dataloader.persistent_workers': False,
        'test_dataloader.num_workers': 0,
        'test_dataloader.persistent_workers': False,
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
        'default_hooks.checkpoint.interval': 2,
        'default_hooks.checkpoint.save_best': 'image_mDice',
        **others,
    }
    return ['--cfg-options', *(f'{k}={v}' for k, v in settings.items())]


def train(work_dir, *arguments):
    run_tool(
        *('train.py', CONFIG, '--work-dir', work_dir),
        *('--seed', 3, '--k', 2, '--traceback', *arguments),
    )


def score(weights, work_dir, *arguments):
    run_tool(
        *('test.py', CONFIG, weights, '--work-dir', work_dir),
        *('--traceback', *arguments),
    )


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    """Work directory of a run, with its pictures."""
    folder = tmp_path_factory.mktemp('trained')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train('run', *options(data))
    return folder / 'run'


def test_the_work_dir_tells_the_whole_story(trained):
    for name in (
        'selection.safetensors',
        'selection.png',
        'curves.png',
        'overlays.png',
        'report.html',
        'delta.safetensors',
        'best_delta.safetensors',
        'resume.pth',
        'gps.py',
    ):
        assert (trained / name).stat().st_size > 0, name
    assert not (trained / 'base.pth').exists()  # its weights are in a file
    environment = json.loads((trained / 'environment.json').read_text())
    assert environment['seed'] == 3
    told = json.loads((trained / 'trained.json').read_text())
    assert told['method'] == {'type': 'gps', 'k': 2}
    parts = told['parts']
    assert parts['connections'] == told['selected'] > 0
    assert sum(parts.values()) == told['selected'] + told['whole']
    assert min(parts['biases'], parts['head']) > 0
    page = Page((trained / 'report.html').read_text(encoding='utf-8'))
    assert len(page.all('img')) == 3
    assert f'{parts["head"]:,} head' in page.text('li')


@pytest.mark.parametrize('saved', [False, True])
def test_an_interrupted_training_says_how_to_go_on(
    data, tmp_path, monkeypatch, capsys, saved
):
    def interrupted(runner):
        if saved:
            (tmp_path / 'run/last_checkpoint').write_text('run/resume.pth')
        raise KeyboardInterrupt

    monkeypatch.setattr(Runner, 'train', interrupted)
    with pytest.raises(SystemExit) as info:
        train('run', *options(data))
    assert info.value.code == 130
    assert info.value.__suppress_context__  # no traceback
    hint = capsys.readouterr().out.splitlines()[-1]
    expected = (
        'with --resume continues from run/resume.pth.'
        if saved
        else 'the same command starts again, with the selection.'
    )
    assert hint.endswith(expected)


def test_testing_gives_metrics_labels_and_drawings(trained, data, tmp_path):
    score(
        trained / 'delta.safetensors',
        *('.', '--out', 'labels', '--show-dir', 'drawn'),
        *options(data),
    )
    metrics = json.loads((tmp_path / 'test_metrics.json').read_text())
    ids = (data / 'splits/val.txt').read_text().split()
    assert sorted(p.stem for p in (tmp_path / 'labels').iterdir()) == ids
    # The pooled Dice once more, from the files that the test left behind.
    both = predicted = true = 0
    for name in ids:
        label = cv2.imread(str(tmp_path / f'labels/{name}.png'), -1)
        mask = cv2.imread(str(data / f'masks/{name}.png'), -1)
        both += np.sum((label == 1) & (mask == 1))
        predicted += np.sum(label == 1)
        true += np.sum(mask == 1)
    dice = 200 * both / (predicted + true)
    assert metrics['Dice.polyp'] == pytest.approx(dice, abs=1e-3)
    assert len(list((tmp_path / 'drawn').rglob('*.png'))) == len(ids)


def test_resume_goes_on_from_the_latest_checkpoint(trained, data):
    work_dir = Path('resumed')
    shutil.copytree(trained, work_dir)
    before = Delta.load(work_dir / 'delta.safetensors')
    arguments = options(
        data, **{'train_cfg.max_iters': 4, 'train_cfg.val_interval': 4}
    )
    train(work_dir, '--resume', *arguments)
    after = Delta.load(work_dir / 'delta.safetensors')
    state = read_checkpoint(work_dir / 'resume.pth')
    assert state['meta']['iter'] == 4
    assert before.selection.hash == after.selection.hash
    assert before.changes.keys() == after.changes.keys()
    for name in before.selection:
        old, new = before.changes[name], after.changes[name]
        assert old.base == new.base
        assert not torch.equal(old.values.numbers, new.values.numbers)


def test_a_delta_and_the_merged_model_score_the_same(trained, data):
    config = Config.fromfile(CONFIG)
    config.load_from = str(REPO / config.load_from)
    model = build_base(config)
    apply(model, Delta.load(trained / 'delta.safetensors'))
    torch.save({'state_dict': model.state_dict()}, 'merged.pth')
    scores = []
    for weights in (trained / 'delta.safetensors', Path('merged.pth')):
        work_dir = Path(weights.stem)
        named = options(data, **{'visualizer.name': weights.stem})
        score(weights, work_dir, *named)
        metrics = json.loads((work_dir / 'test_metrics.json').read_text())
        scores.append({n: v for n, v in metrics.items() if 'time' not in n})
    assert scores[0] == scores[1]


def test_the_state_of_a_run_is_not_to_be_tested(trained, data):
    with pytest.raises(ValueError, match='Use the delta.safetensors beside'):
        score(trained / 'resume.pth', '.', *options(data))


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('entry', ['test', 'load_from', 'resume'])
def test_no_checkpoint_can_run_code(data, entry):
    trace, evil = Path('trace'), Path('evil.pth')
    torch.save({'state_dict': {'weight': Payload(trace)}}, evil)
    arguments = {
        'test': ['test.py', CONFIG, evil],
        'load_from': ['train.py', CONFIG],
        'resume': ['train.py', CONFIG, '--resume', evil],
    }[entry]
    with pytest.raises(ValueError, match='as it could run code'):
        run_tool(
            *(*arguments, '--work-dir', 'run', '--traceback'),
            *options(data, load_from=evil),
        )
    assert not trace.exists()


def test_no_config_of_a_checkpoint_is_run(trained, data):
    """MMEngine takes ``meta['config']`` for a config, which is Python."""
    trace, evil = Path('trace'), Path('evil.pth')
    state = read_checkpoint(trained / 'resume.pth')
    state['meta']['config'] = f'import os; os.mkdir({str(trace)!r})'
    torch.save(state, evil)
    train('run', '--resume', evil, *options(data))
    assert not trace.exists()


def test_a_missing_checkpoint_is_named():
    with pytest.raises(FileNotFoundError, match='nothing.pth'):
        run_tool('test.py', CONFIG, 'nothing.pth', '--traceback')


def test_a_checkpoint_of_another_model_is_refused(data):
    state = {'fc.weight': torch.ones(2, 2)}
    torch.save({'state_dict': state}, 'other.pth')
    with pytest.raises(ValueError, match='another architecture'):
        score('other.pth', '.', *options(data))


def test_the_selection_never_reads_the_test_split(trained, data, tmp_path):
    """A run whose validation and test files are garbage selects the same."""
    corrupt = tmp_path / 'corrupt'
    shutil.copytree(data, corrupt)
    for name in (corrupt / 'splits/val.txt').read_text().split():
        for file in corrupt.glob(f'*/{name}.*'):
            file.write_bytes(b'garbage')
    train(
        'run',
        *options(corrupt),
        'val_cfg=None',
        'val_dataloader=None',
        'val_evaluator=None',
        'default_hooks.checkpoint.save_best=None',
    )
    told, expected = (
        json.loads((folder / 'trained.json').read_text())['selection']
        for folder in (Path('run'), trained)
    )
    assert told == expected
