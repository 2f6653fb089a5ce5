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


PATIENTS = {f'patient{p}/{n:03d}' for p in range(4) for n in range(10)}


@pytest.fixture
def patients(demo_config, tmp_path):
    """The config on a folder for each patient, in which names repeat."""
    lines = [f'{name}.png\t{name}.png\n' for name in sorted(PATIENTS)]
    (tmp_path / 'train.txt').write_text(''.join(lines))
    for name in PATIENTS:
        file = tmp_path / f'photos/{name}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    demo_config.train_dataloader.dataset = dict(
        type='FolderDataset',
        images=str(tmp_path / 'photos'),
        masks=str(tmp_path / 'photos'),
        ann_file=str(tmp_path / 'train.txt'),
        metainfo=dict(classes=('background', 'polyp')),
    )
    return demo_config


def patients_and_numbers(names):
    return [Path(name).with_suffix('').parts[-2:] for name in names]


def test_images_of_one_name_in_several_folders_stand_alone(patients):
    parts = split_training_images(patients, 0.25, {}).named()
    assert len(parts['held_out']) == 10
    found = patients_and_numbers(parts['train'] + parts['held_out'])
    assert sorted(map('/'.join, found)) == sorted(PATIENTS)
    numbers = {number for _, number in patients_and_numbers(parts['held_out'])}
    # Four images of one number would be held out together.
    assert len(numbers) > 3


def test_groups_of_images_of_one_name_are_not_divided(patients):
    table = {name: name.split('/')[0] for name in PATIENTS}
    parts = split_training_images(patients, 0.25, table).named()
    held_out = patients_and_numbers(parts['held_out'])
    assert len(held_out) == 10
    assert len({patient for patient, _ in held_out}) == 1


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
