# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets by name: what they take over, and what is opened."""

import pytest

from gps_seg.comparison.intervals import mean_interval
from gps_seg.comparison.records import SetScores
from gps_seg.runs.scoring.data_sets import (
    groups_by_name,
    groups_of,
    open_sets,
    unseen_sets,
)


def test_without_a_type_what_is_not_said_is_as_in_the_own_set(demo_config):
    demo_config.val_dataloader.dataset.ann_file = 'splits/tune.txt'
    own = demo_config.test_dataloader.dataset.to_dict()
    demo_config.unseen = dict(
        near=dict(data_root='near'), far=dict(type='PolypDataset', a=1)
    )
    found = unseen_sets(demo_config, ('test_dataloader',))
    assert found['near'] == {**own, 'data_root': 'near'}
    assert found['far'] == dict(type='PolypDataset', a=1)
    # A comparison takes the validation images for its own ones.
    near = unseen_sets(demo_config)['near']
    assert near['ann_file'] == 'splits/tune.txt'


@pytest.mark.parametrize('name', ['test', 'validation'])
def test_names_of_own_images_are_refused(demo_config, name):
    demo_config.unseen = {name: dict(data_root='x')}
    with pytest.raises(ValueError, match=f"other data sets, got '{name}'"):
        unseen_sets(demo_config)


def test_no_workers_stay_behind(demo_config):
    loader = demo_config.val_dataloader
    loader.num_workers, loader.persistent_workers = 1, True
    (images,) = open_sets(demo_config, {'own': None}).values()
    assert images.loader.num_workers == 1
    assert not images.loader.persistent_workers


@pytest.fixture
def video(demo_config, polyps, tmp_path):
    """Settings of a data set whose list is in a folder of the test."""
    (tmp_path / 'all.txt').write_text((polyps / 'splits/val.txt').read_text())
    own = demo_config.val_dataloader.dataset
    return dict(own, ann_file=str(tmp_path / 'all.txt'))


def write_groups_of(names, folder):
    rows = ['image,group', *(f'{name},{i // 2}' for i, name in names)]
    (folder / 'sequences.csv').write_text('\n'.join(rows))


def test_groups_lie_beside_the_list_of_a_data_set(
    demo_config, video, tmp_path
):
    names = list(enumerate((tmp_path / 'all.txt').read_text().split()))
    write_groups_of(names, tmp_path)
    found = groups_of(demo_config, {'own': None, 'video': video})
    assert found == {'video': {name: str(i // 2) for i, name in names}}


def test_an_image_without_a_group_is_the_error_of_the_intervals(
    demo_config, video, tmp_path
):
    names = list(enumerate((tmp_path / 'all.txt').read_text().split()))
    write_groups_of(names[1:], tmp_path)
    scores = SetScores(
        images=[name for _, name in names],
        per_image={'Dice': [1.0] * len(names)},
        pooled={},
    )
    with pytest.raises(ValueError, match='none for 1') as expected:
        mean_interval(scores, 'Dice', {n: str(i) for i, n in names[1:]})
    with pytest.raises(ValueError, match='none for 1') as found:
        groups_of(demo_config, {'own': None, 'video': video})
    assert str(found.value) == f'sequences.csv of video: {expected.value}'


TABLE = {'a/1': 'one', 'b/1': 'two', '2': 'one', 'a/b/3': 'one', '3': 'two'}


@pytest.mark.parametrize(
    ('paths', 'groups'),
    [
        (['x/a/1.jpg', 'x/2.jpg'], {'1': 'one', '2': 'one'}),
        (['/b/1.jpg', '/a/1.png'], {'/b/1.jpg': 'two', '/a/1.png': 'one'}),
        (['a/b/3.jpg'], {'3': 'one'}),
        (['b/3.jpg'], {'3': 'two'}),
    ],
)
def test_a_row_may_name_an_image_with_its_folders(paths, groups):
    assert groups_by_name(paths, TABLE, 'x') == groups


def test_a_row_without_a_folder_is_no_image_of_several():
    with pytest.raises(ValueError, match=r"none for 2: \['a/2.jpg', 'b/2.jpg"):
        groups_by_name(['a/2.jpg', 'b/2.jpg'], TABLE, 'x')
