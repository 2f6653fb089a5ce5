# Copyright (c) gps_seg contributors. Apache-2.0.
"""From two folders of drawn polyps to lists, a data set and a task."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

from gps_seg.datasets.own_folder import (
    FolderDataset,
    LoadMask,
    examples,
    look,
    paired,
    split,
    split_notes,
    write_list,
    write_lists,
)
from gps_seg.runs.own_folder import (
    Prediction,
    Task,
    finetune,
    method_rates,
    new_task,
    plan,
    starting,
)
from gps_seg.visualization import Tile

NUMBER = 12

pytestmark = pytest.mark.usefixtures('linked')


@pytest.fixture
def found(linked):
    return look('photos', 'outlines')


def lines_of(file):
    return Path(file).read_text('utf-8').splitlines()


def test_paired(run, capsys):
    run(paired)
    assert len(capsys.readouterr().out.splitlines()) == NUMBER


def test_write_list(run):
    run(write_list, paired=paired)
    assert len(lines_of('all.txt')) == NUMBER


def test_split(run):
    Path('photos').rename('images')
    Path('outlines').rename('masks')
    splits = run(split, look=look)['splits']
    assert {n: len(pairs) for n, pairs in splits.items()} == dict(
        train=10, val=2
    )


def test_split_notes(run, found, capsys):
    run(split_notes, found=found)
    assert 'images to train on, 2 to validate' in capsys.readouterr().out


def test_write_lists(run, found):
    run(write_lists, found=found, split=split)
    assert len(lines_of('polyps/splits/train.txt')) == 10
    assert Path('polyps/found.json').is_file()


def test_examples(run, found):
    tiles = run(examples, found=found, Tile=Tile)['tiles']
    assert len(tiles) == NUMBER


def test_load_mask(run, photos):
    init_default_scope('mmseg')
    sample = dict(
        img_path='image.jpg',
        seg_map_path=str(min(photos.masks.iterdir())),
        seg_fields=[],
    )
    for step in run(LoadMask)['train_pipeline']:
        sample = TRANSFORMS.build(step)(sample)
    assert np.unique(sample['gt_seg_map']).tolist() == [0, 1]


def test_folder_dataset(run, found):
    init_default_scope('mmseg')
    write_lists(found, split(found), 'polyps')
    settings = run(FolderDataset, rule=found.rule)['train_dataloader']
    dataset = DATASETS.build(settings['dataset'])
    assert len(dataset) == 10
    labels = dataset[0]['data_samples'].gt_sem_seg.data
    assert labels.unique().tolist() == [0, 1]


@pytest.mark.usefixtures('small_encoder', 'no_measurement')
def test_new_task(run):
    config = run(new_task)['config']
    assert config.train_cfg.max_iters == 900
    assert Path('polyps/config.py').is_file()


@pytest.fixture
def short(small_encoder, no_measurement, no_pictures, monkeypatch):
    """Let a training have two steps, and one before the selection."""

    def start_of_method(name):
        start = method_rates.start_of_method(name)
        start.hook['loss']['warmup'] = 1
        return start

    monkeypatch.setattr(plan, 'ON_CPU', plan.Limits(64, 2, 2))
    monkeypatch.setattr(starting, 'start_of_method', start_of_method)


@pytest.mark.usefixtures('short')
def test_finetune_then_load_and_predict(run):
    names = run(finetune)
    labels, task = names['labels'], names['task']
    assert set(np.unique(labels)) <= {0, 1}
    np.testing.assert_array_equal(run(Task)['labels'], labels)
    rounded = run(Prediction, task=task)['prediction']
    exact = task.predict('image.jpg')
    np.testing.assert_array_equal(rounded.labels, exact.labels)
    np.testing.assert_allclose(
        *(p.probabilities for p in (rounded, exact)), atol=6e-4
    )
