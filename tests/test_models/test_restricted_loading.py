"""No file of weights can run code, whichever way it comes in."""

import io
import os
import threading
import zipfile

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader, load_checkpoint
from torch import nn

from gps_seg.models import read_checkpoint
from gps_seg.models.restricted_loading import (
    OPPOSITE,
    SWITCH,
    restrict_loading,
)
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
        'meta': {
            'epoch': 1,
            'classes': ('a', 'b'),
            'dataset_meta': ConfigDict(parts={'a': [{'b': np.arange(2)}]}),
        },
        'state_dict': {'weight': torch.arange(3.0)},
        'message_hub': {
            'log': HistoryBuffer([1.0, 2.0], [1, 1]),
            'number': np.float64(0.5),
            'array': np.arange(4, dtype=np.int32),
            'flag': np.bool_(True),
            'type': np.dtype('>f4'),
            'part': slice(1, 2),
            'nothing': (HistoryBuffer(), np.zeros((0, 3)), b''),
        },
    }
    path = tmp_path / 'checkpoint.pth'
    torch.save(content, path)

    read = read_checkpoint(path)

    assert read['meta']['classes'] == ('a', 'b')
    parts = read['meta']['dataset_meta'].parts
    assert parts.a[0].b.tolist() == [0, 1]
    assert torch.equal(read['state_dict']['weight'], torch.arange(3.0))
    hub = read['message_hub']
    assert hub['log'].data[0].tolist() == [1.0, 2.0]
    assert (hub['number'], hub['flag']) == (0.5, True)
    assert hub['array'].tolist() == [0, 1, 2, 3]
    assert (hub['type'], hub['part']) == (np.dtype('>f4'), slice(1, 2))
    history, array, raw = hub['nothing']
    assert type(history) is HistoryBuffer and len(history.data[0]) == 0
    assert (array.shape, raw) == ((0, 3), b'')


class Forged:
    """Pickles as NumPy pickles an array or a type, with other contents."""

    def __init__(self, maker, arguments, state):
        self.reduced = (maker, arguments, state)

    def __reduce__(self):
        return self.reduced


PLAIN = (3, '<', None, None, None, -1, -1, 0)
RECONSTRUCT = np.zeros(1).__reduce__()[0]
SCALAR = np.float64(1).__reduce__()[0]


def forged_type(code='f8', state=PLAIN):
    return Forged(np.dtype, (code, False, True), state)


def forged_array(shape=(2,), kind=None, raw=bytes(16), owner=np.ndarray):
    state = (1, shape, kind or np.dtype('f8'), False, raw)
    return Forged(RECONSTRUCT, (owner, (0,), b'b'), state)


@pytest.mark.parametrize(
    'content',
    [
        # The flags and fields by which a number becomes a pointer.
        forged_type(state=(3, '|', None, None, None, -1, -1, 63)),
        forged_type(state=(3, '<', None, ('a',), {'a': 1}, 8, 1, 16)),
        forged_type(
            state=(3, '<', (np.dtype('f8'), 2), None, None, -1, -1, 0)
        ),
        forged_type(state=(3, 'x', None, None, None, -1, -1, 0)),
        forged_type(state=(4, '<', None, None, None, -1, -1, 0, {'a': 1})),
        forged_type(state={'type': float}),
        forged_type('O8'),
        forged_type('V8'),
        forged_type('S8'),
        forged_type('f8,f8'),
        forged_array(raw=bytes(15)),
        forged_array(raw=bytes(17)),
        forged_array(raw=[0.0, 1.0]),
        forged_array((2**62, 2**62)),
        forged_array((-2,)),
        forged_array((1,) * 99 + (2,)),
        forged_array(kind=forged_type('i2')),
        forged_array(owner=float),
        Forged(RECONSTRUCT, (np.ndarray, (0,), b'b'), None),
        Forged(SCALAR, (np.dtype('f8'), bytes(7)), None),
        Forged(SCALAR, (np.dtype('f8'), 1.0), None),
    ],
)
def test_forged_numbers_are_refused(tmp_path, content):
    path = tmp_path / 'forged.pth'
    torch.save({'log': content}, path)
    with pytest.raises(ValueError, match='expected a PyTorch file'):
        read_checkpoint(path)


@pytest.mark.parametrize(
    'array',
    [
        *(np.arange(6).astype(code) for code in '?bBhHiIqQefd'),
        np.arange(6, dtype='>f4').reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(2.5),
        np.float32(2.5),
        np.int64(-3),
    ],
    ids=lambda array: f'{array.dtype}{array.shape}',
)
def test_arrays_of_numbers_are_read_as_they_were(tmp_path, array):
    path = tmp_path / 'arrays.pth'
    torch.save({'list': [array], 'tuple': ((array,), 1)}, path)
    read = read_checkpoint(path)
    for found in (read['list'][0], read['tuple'][0][0]):
        assert type(found) is type(array)
        assert found.shape == array.shape
        assert found.dtype == array.dtype.newbyteorder('=')
        assert (found == array).all()


def test_a_history_is_that_of_mmengine_and_leaves_its_statistics(tmp_path):
    before = dict(HistoryBuffer._statistics_methods)
    history = HistoryBuffer([1.0, 3.0], [1, 1])
    history._statistics_methods = {'mean': HistoryBuffer.max}
    path = tmp_path / 'history.pth'
    torch.save({'log': history}, path)
    read = read_checkpoint(path)['log']
    assert type(read) is HistoryBuffer
    assert read.statistics('mean') == 2
    read.update(5.0)
    assert read.data[0].tolist() == [1, 3, 5]
    assert HistoryBuffer._statistics_methods == before


def test_what_is_there_twice_is_restored_once(tmp_path):
    """A few nested pairs stand for more than memory can hold."""
    nested = ()
    for _ in range(200):
        nested = (nested, nested)
    looped = []
    looped.append(looped)
    path = tmp_path / 'nested.pth'
    torch.save({'nested': nested, 'looped': looped}, path)
    read = read_checkpoint(path)
    assert read['looped'][0] is read['looped']
    assert read['nested'][0] is read['nested'][1]


def test_an_archive_that_unpacks_to_much_more_is_refused(tmp_path):
    path = tmp_path / 'bomb.pth'
    buffer = io.BytesIO()
    torch.save({'weight': torch.zeros(2**20)}, buffer)
    with (
        zipfile.ZipFile(buffer) as stored,
        zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in stored.infolist():
            packed.writestr(member.filename, stored.read(member))
    assert path.stat().st_size < 2**22 / 100
    with pytest.raises(ValueError, match='bytes packed in'):
        read_checkpoint(path)


@pytest.mark.parametrize('value', ['', 'no', 'false', '1 ', '00', 'True'])
def test_only_zero_lifts_the_restriction(payload, trace, monkeypatch, value):
    monkeypatch.setenv(SWITCH, value)
    with pytest.warns(UserWarning, match=f'expected 0 or 1, got {value!r}'):
        restrict_loading()
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(payload, weights_only=False)
    assert not trace.exists()


@pytest.mark.parametrize(
    'read',
    [
        lambda path: torch.load(path, weights_only=False),
        read_checkpoint,
        CheckpointLoader.load_checkpoint,
    ],
    ids=['torch', 'read_checkpoint', 'loader'],
)
def test_zero_lifts_the_restriction(tmp_path, trace, monkeypatch, read):
    path = tmp_path / 'payload.pth'
    torch.save({'anything': Payload(trace)}, path)
    monkeypatch.setenv(SWITCH, '0')
    restrict_loading()
    read(str(path))
    assert trace.exists()


def test_the_opposite_switch_lifts_nothing(payload, tmp_path, monkeypatch):
    monkeypatch.setenv(OPPOSITE, '1')
    with pytest.warns(UserWarning, match=f"{OPPOSITE}='1'"):
        restrict_loading()
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(payload, weights_only=False)
    torch.save({'a': 1}, tmp_path / 'x.pth')
    assert read_checkpoint(tmp_path / 'x.pth') == {'a': 1}


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


def test_stand_ins_are_taken_where_others_allow_the_makers(tmp_path):
    """PyTorch's own advice is to allow them; one of each name is taken."""
    path, forgery = tmp_path / 'checkpoint.pth', tmp_path / 'forgery.pth'
    torch.save({'log': HistoryBuffer([1.0], [1])}, path)
    state = (3, '<', None, None, None, -1, -1, 63)
    torch.save({'array': forged_array(kind=forged_type(state=state))}, forgery)
    makers = [
        RECONSTRUCT,
        SCALAR,
        np.ndarray,
        np.dtype,
        np.dtypes.Float64DType,
    ]
    # Which of two is taken is not always the same: the order is that of a set.
    for others in (makers, [*makers, HistoryBuffer], [getattr, np.dtype]):
        with torch.serialization.safe_globals(others):
            before = set(torch.serialization.get_safe_globals())
            assert type(read_checkpoint(path)['log']) is HistoryBuffer
            with pytest.raises(ValueError, match='numbers with the state'):
                read_checkpoint(forgery)
            assert set(torch.serialization.get_safe_globals()) == before


def test_several_threads_read_at_once(tmp_path):
    path = tmp_path / 'checkpoint.pth'
    torch.save({'log': [np.arange(3.0) for _ in range(50)]}, path)
    failures = []

    def read():
        try:
            for _ in range(50):
                read_checkpoint(path)
        except ValueError as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (np.array([1j]), "numbers of type 'c16'"),
        (Payload('x'), r'[\w ]+GLOBAL \w+\.mkdir'),
    ],
)
def test_the_reason_is_what_is_in_the_file(tmp_path, content, reason):
    torch.save({'x': content}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=f'got: {reason}'):
        read_checkpoint(tmp_path / 'x.pth')
