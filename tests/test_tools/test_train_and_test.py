"""tools/train.py and tools/test.py as a user runs them, on drawn polyps."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.datasets.synthetic_polyps import ensure_dataset  # noqa: E402

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


def call(monkeypatch, tool, *arguments):
    monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
    runpy.run_path(str(REPO / 'tools' / tool), run_name='__main__')


def options(data, **others):
    settings = {
        **{
            f'{split}_dataloader.dataset.data_root': data
            for split in ('train', 'val', 'test')
        },
        'load_from': None,
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
        **others,
    }
    return ['--cfg-options', *(f'{k}={v}' for k, v in settings.items())]


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('run')
    with pytest.MonkeyPatch.context() as monkeypatch:
        call(
            monkeypatch,
            'train.py',
            CONFIG,
            '--work-dir',
            work_dir,
            '--seed',
            3,
            '--k',
            2,
            *options(data),
        )
    return work_dir


def test_the_work_dir_tells_the_whole_story(trained):
    for name in (
        'selection.safetensors',
        'selection.png',
        'curves.png',
        'overlays.png',
        'iter_2.pth',
        'gps.py',
    ):
        assert (trained / name).stat().st_size > 0, name
    environment = json.loads((trained / 'environment.json').read_text())
    assert environment['seed'] == 3
    told = json.loads((trained / 'trained.json').read_text())
    assert told['method'] == {'type': 'gps', 'k': 2}


def test_testing_gives_metrics_labels_and_drawings(
    trained, data, tmp_path, monkeypatch
):
    call(
        monkeypatch,
        'test.py',
        CONFIG,
        trained / 'iter_2.pth',
        '--work-dir',
        tmp_path,
        '--out',
        tmp_path / 'labels',
        '--show-dir',
        tmp_path / 'drawn',
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


def test_resume_goes_on_from_the_latest_checkpoint(
    trained, data, tmp_path, monkeypatch
):
    work_dir = tmp_path / 'resumed'
    shutil.copytree(trained, work_dir)
    before = torch.load(work_dir / 'iter_2.pth', weights_only=False)
    arguments = options(
        data, **{'train_cfg.max_iters': 4, 'train_cfg.val_interval': 4}
    )
    call(
        monkeypatch,
        'train.py',
        CONFIG,
        '--work-dir',
        work_dir,
        '--resume',
        '--seed',
        3,
        '--k',
        2,
        *arguments,
    )
    after = torch.load(work_dir / 'iter_4.pth', weights_only=False)
    assert after['meta']['iter'] == 4
    indices = before['gps_seg']['indices']
    assert indices.keys() == after['gps_seg']['indices'].keys()
    for name, selected in indices.items():
        assert torch.equal(selected, after['gps_seg']['indices'][name])
        old = before['state_dict'][name].flatten()
        new = after['state_dict'][name].flatten()
        changed = (old != new).nonzero().flatten()
        assert len(changed) > 0
        assert torch.isin(changed, selected).all()


def test_a_missing_checkpoint_is_named(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.pth'):
        call(monkeypatch, 'test.py', CONFIG, tmp_path / 'nothing.pth')


def test_a_checkpoint_of_another_model_is_refused(monkeypatch, data, tmp_path):
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': {'fc.weight': torch.ones(2, 2)}}, path)
    with pytest.raises(ValueError, match='another architecture'):
        call(
            monkeypatch,
            'test.py',
            CONFIG,
            path,
            '--work-dir',
            tmp_path,
            *options(data),
        )


def test_the_selection_never_reads_the_test_split(
    trained, data, tmp_path, monkeypatch
):
    """A run whose validation and test files are garbage selects the same."""
    corrupt = tmp_path / 'corrupt'
    shutil.copytree(data, corrupt)
    for name in (corrupt / 'splits/val.txt').read_text().split():
        for file in corrupt.glob(f'*/{name}.*'):
            file.write_bytes(b'garbage')
    work_dir = tmp_path / 'run'
    call(
        monkeypatch,
        'train.py',
        CONFIG,
        '--work-dir',
        work_dir,
        '--seed',
        3,
        '--k',
        2,
        *options(corrupt),
        'val_cfg=None',
        'val_dataloader=None',
        'val_evaluator=None',
        'default_hooks.checkpoint.save_best=None',
    )
    told, expected = (
        json.loads((folder / 'trained.json').read_text())['selection']
        for folder in (work_dir, trained)
    )
    assert told == expected
