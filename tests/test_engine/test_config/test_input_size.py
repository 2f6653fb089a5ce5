# Copyright (c) gps_seg contributors. Apache-2.0.
"""A config at another size of its input."""

import copy

from mmengine.config import Config, ConfigDict

from gps_seg.engine.config.input_size import at_input_size

OLD, NEW = (252, 252), (98, 98)


def test_the_size_is_replaced_at_any_depth():
    config = {
        'crop_size': OLD,
        'model': {'backbone': {'img_size': OLD, 'patch_size': 14}},
        'pipeline': [{'type': 'Load'}, {'type': 'Resize', 'scale': OLD}],
        'as_a_list': [[252, 252]],
        'nested': {'steps': ({'scales': [OLD, (504, 504)]},)},
    }
    assert at_input_size(config, OLD, NEW) == {
        'crop_size': NEW,
        'model': {'backbone': {'img_size': NEW, 'patch_size': 14}},
        'pipeline': [{'type': 'Load'}, {'type': 'Resize', 'scale': NEW}],
        'as_a_list': [NEW],
        'nested': {'steps': ({'scales': [NEW, (504, 504)]},)},
    }


def test_settings_without_the_size_are_left_out():
    config = {'a': 252, 'b': 'text', 'c': [252, 252, 252], 'd': (98, 98)}
    assert at_input_size(config, OLD, NEW) == {}


def test_the_config_is_not_changed():
    config = ConfigDict(pipeline=[dict(type='Resize', scale=OLD)])
    before = copy.deepcopy(config)
    at_input_size(config, OLD, NEW)
    assert config == before


def test_a_leaf_can_be_written_and_read_again(tmp_path):
    (tmp_path / 'base.py').write_text('size = (252, 252)\nsteps = [size, 1]\n')
    (tmp_path / 'leaf.py').write_text(
        "_base_ = './base.py'\n"
        'from gps_seg.engine.config.input_size import at_input_size\n'
        'globals().update(at_input_size(_base_, _base_.size, (98, 98)))\n'
    )
    config = Config.fromfile(tmp_path / 'leaf.py')
    assert config.to_dict() == {'size': NEW, 'steps': [NEW, 1]}
    config.dump(tmp_path / 'whole.py')
    assert Config.fromfile(tmp_path / 'whole.py').to_dict() == config.to_dict()
