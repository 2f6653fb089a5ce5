# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rates are tuned on a part of the training images, and on no others."""

import copy
from pathlib import Path

import pytest
from mmengine.registry import DATASETS, init_default_scope

from gps_seg.runs.comparing.held_out_images import (
    on_training_images,
    split_training_images,
)

SHARES = [0.25, 0.5, 0.8]


def ids(polyps, split):
    return (polyps / 'splits' / f'{split}.txt').read_text().split()


@pytest.mark.parametrize('share', SHARES)
def test_the_parts_are_all_training_images_once(demo_config, polyps, share):
    parts = split_training_images(demo_config, share, {}).named()
    assert len(parts['held_out']) == 8 * share // 1 + (8 * share % 1 > 0)
    both = parts['train'] + parts['held_out']
    assert sorted(both) == sorted(ids(polyps, 'train'))
    assert not set(both) & set(ids(polyps, 'val'))


def test_the_split_does_not_depend_on_when_it_is_made(demo_config):
    first = split_training_images(demo_config, 0.25, {})
    assert split_training_images(demo_config, 0.25, {}) == first


def test_a_group_is_not_divided(demo_config, polyps):
    names = ids(polyps, 'train')
    groups = {name: str(i // 3) for i, name in enumerate(names)}
    parts = split_training_images(demo_config, 0.25, groups).named()
    kinds = [{groups[n] for n in parts[part]} for part in parts]
    assert not kinds[0] & kinds[1]
    assert 2 <= len(parts['held_out']) <= 3


def images(loader):
    init_default_scope('mmseg')
    dataset = DATASETS.build(copy.deepcopy(loader.dataset))
    infos = map(dataset.get_data_info, range(len(dataset)))
    return [Path(info['img_path']).stem for info in infos]


def test_the_loaders_see_these_images_as_they_should(demo_config):
    split = split_training_images(demo_config, 0.25, {})
    own = on_training_images(demo_config, split)
    named = split.named()
    assert images(own.train_dataloader) == named['train']
    assert images(own.val_dataloader) == named['held_out']
    assert images(own.test_dataloader) == named['held_out']
    steps = [step['type'] for step in own.val_dataloader.dataset.pipeline]
    wanted = [s['type'] for s in demo_config.val_dataloader.dataset.pipeline]
    assert steps == wanted
    assert own.train_dataloader.dataset.pipeline == (
        demo_config.train_dataloader.dataset.pipeline
    )


@pytest.mark.parametrize('share', [0.0, 1.0])
def test_an_empty_part_is_refused(demo_config, share):
    with pytest.raises(ValueError, match='got 8 images in 8 groups'):
        split_training_images(demo_config, share, {})


def test_a_wrapper_of_data_sets_is_refused(demo_config):
    inner = demo_config.train_dataloader.dataset
    demo_config.train_dataloader.dataset = dict(
        type='RepeatDataset', times=2, dataset=inner
    )
    with pytest.raises(ValueError, match='got RepeatDataset'):
        split_training_images(demo_config, 0.25, {})
