"""No file of weights can run code, whichever way it comes in."""

import os

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader, load_checkpoint
from torch import nn

from gps_seg.models import read_checkpoint
from gps_seg.models.weight_files import read_tensors


class Payload:
    """Its pickle makes a file when it is read without restriction."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class StatisticPayload(Payload):
    """The same through the one function that histories are allowed."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


@pytest.fixture
def trace(tmp_path):
    return tmp_path / 'the payload was here'


@pytest.fixture(params=[Payload, StatisticPayload])
def payload(request, tmp_path, trace):
    path = tmp_path / 'payload.pth'
    torch.save({'state_dict': {'weight': request.param(trace)}}, path)
    return path


@pytest.mark.parametrize(
    'read',
    [
        read_checkpoint,
        read_tensors,
        CheckpointLoader.load_checkpoint,
        lambda path: load_checkpoint(nn.Linear(2, 2), path),
    ],
    ids=['read_checkpoint', 'read_tensors', 'loader', 'load_checkpoint'],
)
def test_a_payload_is_refused(payload, trace, read):
    with pytest.raises(ValueError, match='as it could run code'):
        read(str(payload))
    assert not trace.exists()


def test_even_where_restriction_was_not_asked_for(tmp_path, trace):
    path = tmp_path / 'payload.pth'
    torch.save(Payload(trace), path)
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(path, weights_only=False)
    assert not trace.exists()


def test_pretrained_weights(payload, trace):
    from mmengine.model import BaseModule

    class Model(BaseModule):
        def __init__(self):
            super().__init__({'type': 'Pretrained', 'checkpoint': payload})
            self.layer = nn.Linear(2, 2)

    model = Model()
    model.init_cfg['checkpoint'] = str(payload)
    with pytest.raises(ValueError, match='as it could run code'):
        model.init_weights()
    assert not trace.exists()


def test_what_openmmlab_writes_is_read(tmp_path):
    content = {
        'meta': {'epoch': 1, 'classes': ('a', 'b')},
        'state_dict': {'weight': torch.arange(3.0)},
        'message_hub': {
            'log': HistoryBuffer([1.0, 2.0], [1, 1]),
            'number': np.float64(0.5),
            'array': np.arange(4, dtype=np.int32),
            'flag': np.bool_(True),
        },
    }
    path = tmp_path / 'checkpoint.pth'
    torch.save(content, path)

    read = read_checkpoint(path)

    assert read['meta'] == content['meta']
    assert torch.equal(read['state_dict']['weight'], torch.arange(3.0))
    hub = read['message_hub']
    assert hub['log'].data[0].tolist() == [1.0, 2.0]
    assert (hub['number'], hub['flag']) == (0.5, True)
    assert hub['array'].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ('content', 'message'),
    [(b'', 'Copy or download'), (b'no pickle', 'Copy or download')],
)
def test_no_checkpoint_at_all(tmp_path, content, message):
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_checkpoint(path)


def test_a_truncated_checkpoint(tmp_path):
    path = tmp_path / 'x.pth'
    torch.save({'weight': torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match='Copy or download'):
        read_checkpoint(path)


def test_no_file_and_no_dictionary(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing at'):
        read_checkpoint(tmp_path)
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match='expected a dictionary, got list'):
        read_checkpoint(tmp_path / 'list.pth')


def test_it_is_read_whatever_others_allow_and_take_back(tmp_path):
    """MMEngine allows the same for a moment, and torch then forgets both."""
    path = tmp_path / 'checkpoint.pth'
    torch.save({'log': HistoryBuffer([1.0], [1])}, path)
    with torch.serialization.safe_globals([HistoryBuffer, np.ndarray]):
        pass
    assert read_checkpoint(path)['log'].current() == 1.0
