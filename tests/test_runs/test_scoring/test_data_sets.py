# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets by name: what they take over, and what is opened."""

import pytest

from gps_seg.runs.scoring.data_sets import groups_of, open_sets, unseen_sets


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


def test_groups_lie_beside_the_list_of_a_data_set(demo_config, tmp_path):
    (tmp_path / 'sequences.csv').write_text('image,group\na,1\nb,1\n')
    lists = dict(ann_file=str(tmp_path / 'all.txt'))
    found = groups_of(demo_config, {'own': None, 'video': lists})
    assert found == {'video': {'a': '1', 'b': '1'}}
