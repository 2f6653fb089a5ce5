"""A file keeps every bit of a delta, and is written whole or not at all."""

import errno
import os
import pickle
import resource

import pytest
import torch

from gps_seg.delta import Delta, apply
from gps_seg.delta.change import Change
from gps_seg.delta.values import Exact


def test_save_load_apply_is_the_trained_model(path, model, tuned, state_bits):
    apply(model, Delta.load(path))
    assert state_bits(model) == state_bits(tuned)


def test_everything_survives(path, delta):
    loaded = Delta.load(path)
    assert loaded.info == delta.info
    assert list(loaded.changes) == list(delta.changes)
    assert loaded.selection.hash == delta.selection.hash
    for name, change in delta.changes.items():
        again = loaded.changes[name]
        assert (again.shape, again.dtype) == (change.shape, change.dtype)
        assert again.base == change.base
        assert torch.equal(again.values.numbers, change.values.numbers)


def test_the_same_delta_gives_the_same_bytes(path, delta, tmp_path):
    Delta.load(path).save(tmp_path / 'again')
    assert (tmp_path / 'again').read_bytes() == path.read_bytes()


@pytest.mark.parametrize('dtype', ['float64', 'float16', 'bfloat16', 'int8'])
def test_every_dtype_survives(dtype, tmp_path):
    numbers = torch.tensor([0, -0.0, 1, 3]).to(getattr(torch, dtype))
    change = Change(torch.Size([2, 2]), numbers.dtype, Exact(numbers))
    Delta({'x': change}).save(tmp_path / 'd')
    found = Delta.load(tmp_path / 'd').changes['x'].values.numbers
    assert found.dtype == numbers.dtype
    assert torch.equal(found.view(torch.uint8), numbers.view(torch.uint8))


def test_an_empty_delta_survives(tmp_path):
    Delta({}).save(tmp_path / 'd')
    assert not Delta.load(tmp_path / 'd').changes


def test_no_path_leads_around_safetensors(tmp_path):
    """A pickle with a payload is refused, and the payload does not run."""

    class Payload:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / 'it-ran'),))

    file = tmp_path / 'delta.safetensors'
    file.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ValueError, match='safetensors'):
        Delta.load(file)
    assert not (tmp_path / 'it-ran').exists()


def test_no_permission_is_said(path, monkeypatch):
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads all
        path.chmod(0o600)
        refuse = PermissionError(errno.EACCES, 'Permission denied', str(path))
        monkeypatch.setattr('builtins.open', raiser(refuse))
    with pytest.raises(PermissionError, match='Permission denied'):
        Delta.load(path)


def raiser(error):
    def fail(*args, **kwargs):
        raise error

    return fail


def test_a_full_disk_leaves_the_file_as_it_was(path, other):
    """The kernel refuses the write halfway, as on a full disk."""
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(OSError, match='No file was changed') as caught:
            other.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ('call', 'error'),
    [
        ('fsync', OSError(errno.ENOSPC, 'No space left on device')),
        ('replace', PermissionError(errno.EACCES, 'Permission denied')),
    ],
)
def test_a_failed_save_leaves_nothing(path, other, monkeypatch, call, error):
    before = path.read_bytes()
    monkeypatch.setattr(os, call, raiser(error))
    with pytest.raises(type(error), match=error.strerror) as caught:
        other.save(path)
    assert caught.value.errno == error.errno
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_save_leaves_nothing(path, other, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(os, 'fsync', raiser(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        other.save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_not_overwritten(delta, tmp_path):
    (tmp_path / 'taken').mkdir()
    with pytest.raises(OSError, match='No file was changed'):
        delta.save(tmp_path / 'taken')
    with pytest.raises(FileNotFoundError, match='No file was changed'):
        delta.save(tmp_path / 'no-folder' / 'd')
    assert list(tmp_path.iterdir()) == [tmp_path / 'taken']


def test_a_saved_file_has_the_usual_permissions(path):
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
