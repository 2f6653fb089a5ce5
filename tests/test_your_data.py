"""The configs of ``docs/your_data.md`` read the data that it describes."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.registry import DATASETS, MODELS  # noqa: E402

from gps_seg.datasets import SplitLists, convert_polyps  # noqa: E402

REPO = Path(__file__).resolve().parents[1]
TEXT = (REPO / 'docs/your_data.md').read_text(encoding='utf-8')
_, POLYPS, CLASSES = re.findall(r'```python\n(.*?)```', TEXT, re.DOTALL)


def write_pairs(images, masks, names, values, suffix):
    rng = np.random.default_rng(0)
    for folder in (images, masks):
        folder.mkdir(parents=True)
    for name in names:
        image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        mask = np.full((40, 50), values[0], np.uint8)
        for number, value in enumerate(values[1:]):
            mask[8 * number + 4 : 8 * number + 12, 10:40] = value
        cv2.imwrite(str(images / f'{name}.jpg'), image)
        cv2.imwrite(str(masks / f'{name}{suffix}'), mask)


def read(snippet, tmp_path):
    """The config of a snippet, in the root of the source tree."""
    path = tmp_path / 'mine.py'
    path.write_text(snippet.replace('configs/', f'{REPO}/configs/'))
    config = Config.fromfile(path)
    init_default_scope(config.default_scope)
    return config


def losses_of(config, split):
    """The losses of one training step on the first image of a split."""
    config.model.backbone.init_cfg = None
    dataset = DATASETS.build(config[f'{split}_dataloader'].dataset)
    model = MODELS.build(config.model).train()
    batch = model.data_preprocessor(pseudo_collate([dataset[0]]), True)
    return model(**batch, mode='loss')


def test_converted_polyps_train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [f'case {i}' for i in range(4)]
    source = tmp_path / 'my_polyps'
    write_pairs(source / 'images', source / 'masks', names, (0, 255), '.png')
    lists = tmp_path / 'lists'
    lists.mkdir()
    (lists / 'train.txt').write_text('case 0\ncase 1\ncase 2\n')
    (lists / 'val.txt').write_text('case 3\n')
    convert_polyps(
        source, tmp_path / 'data/my-polyps', splits=SplitLists.read(lists)
    )
    config = read(POLYPS, tmp_path)
    for split, size in {'train': 3, 'val': 1, 'test': 1}.items():
        dataset = DATASETS.build(config[f'{split}_dataloader'].dataset)
        assert len(dataset) == size
        sample = dataset[0]['data_samples'].gt_sem_seg.data
        assert set(sample.unique().tolist()) <= {0, 1, 255}


@pytest.mark.parametrize('split', ['train', 'val'])
def test_three_classes_train(tmp_path, monkeypatch, split):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'data/mine'
    write_pairs(
        *(root / 'images' / split, root / 'masks' / split),
        *(['a'], (0, 1, 2, 255), '.png'),
    )
    losses = losses_of(read(CLASSES, tmp_path), split)
    assert losses['decode.loss_ce'].item() > 0
    assert 0 < losses['decode.loss_dice'].item() < 1
