"""What the exported file tells its caller, against the config."""

import json

import pytest
from mmengine.config import Config

from gps_seg.export import Interface, interface_of
from gps_seg.export.interface import default_size


def test_all_that_a_caller_must_know(segmentor, config):
    told = json.loads(interface_of(segmentor, config).to_json())
    assert told['input'] == {
        'name': 'image',
        'dtype': 'float32',
        'shape': [1, 3, 16, 24],
        'channels': 'RGB',
        'formula': '(pixel in [0, 255] - mean) / std',
        'mean': [120.0, 110.0, 100.0],
        'std': [60.0, 50.0, 40.0],
        'stride': None,
    }
    assert told['output'] == {
        'name': 'logits',
        'dtype': 'float32',
        'shape': [1, 'channels', 16, 24],
        'activation': 'softmax',
        'threshold': None,
    }
    assert told['classes'] == ['background', 'polyp']
    assert told['palette'] == [[0, 0, 0], [255, 0, 0]]
    assert set(told['versions']) >= {'gps_seg', 'torch'}


def test_any_batch_and_a_size_of_ones_own(segmentor, config):
    interface = interface_of(segmentor, config, [32, 8], any_batch=True)
    assert interface.shape(5) == (5, 3, 32, 8)
    told = json.loads(interface.to_json())
    assert told['input']['shape'] == ['any', 3, 32, 8]
    assert told['output']['shape'] == ['any', 'channels', 32, 8]


def test_a_single_channel_has_a_threshold(segmentor, config, monkeypatch):
    monkeypatch.setattr(segmentor.decode_head, 'out_channels', 1)
    monkeypatch.setattr(segmentor.decode_head, 'threshold', 0.3)
    told = json.loads(interface_of(segmentor, config).to_json())
    assert told['output']['activation'] == 'sigmoid'
    assert told['output']['threshold'] == 0.3


def test_without_normalisation(segmentor, config):
    model = dict(data_preprocessor=dict(type='X'), test_cfg=None)
    interface = interface_of(segmentor, Config(dict(model=model)), [8, 8])
    assert interface.channels == 'BGR'
    assert (interface.mean, interface.std) == ((0.0,) * 3, (1.0,) * 3)


RESIZE = dict(type='Resize', scale=(30, 20))
SLIDE = dict(mode='slide', crop_size=(8, 12), stride=(4, 6))


TRAINING = dict(data_preprocessor=dict(size=(5, 6)))


@pytest.mark.parametrize(
    ('model', 'pipeline', 'size'),
    [
        (TRAINING, [RESIZE], (20, 30)),
        (TRAINING, [dict(RESIZE, scale=9)], (9, 9)),
        (dict(test_cfg=SLIDE), [RESIZE], (8, 12)),
    ],
    ids=['pipeline', 'square', 'window'],
)
def test_the_size_that_the_config_tests_at(model, pipeline, size):
    config = Config(dict(model=model, test_pipeline=pipeline))
    assert default_size(config) == size


def test_the_size_is_that_of_the_test_set():
    inner = dict(type='PolypDataset', pipeline=[RESIZE])
    wrapped = dict(type='RepeatDataset', dataset=inner)
    config = Config(
        dict(
            model=TRAINING,
            test_pipeline=[dict(RESIZE, scale=9)],
            test_dataloader=dict(dataset=wrapped),
        )
    )
    assert default_size(config) == (20, 30)


@pytest.mark.parametrize('pipeline', [[], [dict(RESIZE, keep_ratio=True)]])
def test_images_of_many_sizes_have_no_default(pipeline):
    config = Config(dict(model=TRAINING, test_pipeline=pipeline))
    with pytest.raises(ValueError, match=r'HEIGHT WIDTH.*trains at \(5, 6\)'):
        default_size(config)


def test_a_sliding_window_tells_its_steps(segmentor):
    config = Config(dict(model=dict(test_cfg=SLIDE)))
    interface = interface_of(segmentor, config)
    assert interface.size == (8, 12)
    assert json.loads(interface.to_json())['input']['stride'] == [4, 6]


def test_no_size_anywhere():
    with pytest.raises(ValueError, match='Give --size HEIGHT WIDTH'):
        default_size(Config(dict(model=dict(test_cfg=None))))


@pytest.mark.parametrize('size', [(0, 8), (8, -1), (8,)])
def test_a_bad_size(size):
    with pytest.raises(ValueError, match='size: expected height and width'):
        Interface(size=size, channels='RGB', mean=(0.0,), std=(1.0,))
