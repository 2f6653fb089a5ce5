"""A task by the name of a file, a folder, or a repository on the hub."""

import copy
import shutil
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from recorded_hub import ERRORS, ConnectError, RecordedHub
from small_task import config, delta_file, task  # noqa: F401  (fixtures)

from gps_seg.delta import Delta
from gps_seg.engine import build_tuned, load_task, task_config
from gps_seg.engine.hub import downloading
from gps_seg.engine.hub.importing import hub_library
from gps_seg.engine.hub.names import HubAddress, check_name
from gps_seg.runs.launch import find_weights
from gps_seg.runs.sharing import AuthorNotes, share


@pytest.fixture
def shared(task, tmp_path, monkeypatch):  # noqa: F811
    """A shared folder; the base lies where its config looks for it."""
    out = tmp_path / 'shared'
    share(task / 'delta.safetensors', out, AuthorNotes(base='a/vit'))
    shutil.copy(task / 'base.safetensors', tmp_path)
    monkeypatch.chdir(tmp_path)
    return out


@pytest.fixture
def hub(shared, monkeypatch):
    """A hub whose only repository is that folder."""
    hub = RecordedHub(shared)
    monkeypatch.setattr(downloading, 'hub_library', lambda: hub)
    return hub


def image():
    return np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)


def logits(model):
    return inference_model(model, image()).seg_logits.data


def test_file_folder_and_repository_are_the_same_call(
    shared,
    hub,
    config,  # noqa: F811
):
    file = shared / 'delta.safetensors'
    expected = logits(build_tuned(config, file))
    for address in (file, shared, str(shared), 'hf://a/b', 'hf://a/b@v1'):
        published = task_config(address)
        model = init_model(published, device='cpu')
        load_task(model, None, address)
        assert torch.equal(logits(model), expected)
        own = init_model(copy.deepcopy(config), device='cpu')
        load_task(own, config, address)
        assert torch.equal(logits(own), expected)
        assert torch.equal(logits(build_tuned(None, address)), expected)


def test_only_delta_and_config_are_downloaded(hub):
    build_tuned(None, 'hf://alice/polyps@v1.2')
    assert hub.calls == [
        ('download', 'alice/polyps', name, {'revision': 'v1.2'})
        for name in ('delta.safetensors', 'config.py')
    ]
    hub.calls.clear()
    task_config('hf://alice/polyps')
    assert [call[-1] for call in hub.calls] == [{'revision': None}] * 2


def test_a_published_config_is_not_run(shared, hub, tmp_path):
    text = f'import os\nos.mkdir({str(tmp_path / "ran")!r})\n'
    (shared / 'config.py').write_text(text)
    for address in (shared, 'hf://a/b'):
        with pytest.raises(ValueError, match='expected assignments of plain'):
            build_tuned(None, address)
    assert not (tmp_path / 'ran').exists()


def test_pickles_are_refused_as_tasks(shared, hub):
    torch.save({'state_dict': {}}, shared / 'delta.safetensors')
    with pytest.raises(ValueError, match='got a PyTorch checkpoint'):
        load_task(torch.nn.Linear(1, 1), None, 'hf://a/b')


def test_a_delta_alone_has_its_config_in_it(task, tmp_path, config):  # noqa: F811
    file = task / 'delta.safetensors'
    assert task_config(file).model.decode_head == config.model.decode_head
    Delta({}).save(tmp_path / 'mute.safetensors')
    with pytest.raises(ValueError, match='config: expected one in the delta'):
        task_config(tmp_path / 'mute.safetensors')


def test_the_test_tool_takes_the_same_addresses(shared, hub, tmp_path):
    file = str(shared / 'delta.safetensors')
    assert {find_weights(a) for a in (file, str(shared), 'hf://a/b')} == {file}
    with pytest.raises(FileNotFoundError, match='nothing at nowhere.pth'):
        find_weights('nowhere.pth')


@pytest.mark.parametrize('missing', ['delta.safetensors', 'config.py'])
def test_a_folder_that_share_did_not_make(shared, missing):
    (shared / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f'without {missing}'):
        load_task(torch.nn.Linear(1, 1), Config(), shared)


def test_a_hub_that_cannot_be_reached_is_one_line(hub):
    hub.failure = ConnectError('[Errno -2] Name or service not known')
    with pytest.raises(ConnectionError, match='Check the network') as raised:
        task_config('hf://alice/polyps')
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    ('error', 'kind', 'words'),
    [
        ('RepositoryNotFoundError', FileNotFoundError, 'hf auth login'),
        ('RevisionNotFoundError', FileNotFoundError, 'name and revision'),
        ('EntryNotFoundError', FileNotFoundError, 'delta.safetensors in hf:'),
        ('LocalEntryNotFoundError', ConnectionError, 'Check the network'),
        ('HfHubHTTPError', ConnectionError, 'Check the network'),
    ],
)
def test_what_the_hub_refuses_is_one_line(hub, error, kind, words):
    hub.failure = getattr(ERRORS, error)('details\nover lines')
    with pytest.raises(kind, match=words) as raised:
        task_config('hf://alice/polyps@v1')
    message = str(raised.value)
    assert message.startswith('task: expected ')
    assert 'hf://alice/polyps@v1' in message and '\n' not in message


@pytest.mark.parametrize(
    'text',
    [
        *('hf://', 'hf://alice', 'hf://alice/', 'hf://a/b/c', 'hf://a/b@'),
        *('hf://a/../b', 'hf://../b', 'hf://a/..', 'hf://a/b@../x', 'hf:/a/b'),
        *(
            'hf://a/b c',
            'hf://a/b@v 1',
            'hf://a/b\n',
            'hf://a/-b',
            'hf://a/b--c',
            'a/b',
        ),
    ],
)
def test_malformed_addresses_are_refused(text):
    with pytest.raises(ValueError, match='expected hf://OWNER/NAME'):
        HubAddress.of(text)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(ImportError, match=r"pip install '\.\[hub\]'"):
        hub_library()


@pytest.mark.optional
def test_the_stand_in_has_the_errors_of_the_library():
    real = pytest.importorskip(
        'huggingface_hub', reason='the extra [hub] is not installed'
    )
    from huggingface_hub import errors

    for name, fake in vars(ERRORS).items():
        bases = {base.__name__ for base in fake.__mro__}
        known = {base.__name__ for base in getattr(errors, name).__mro__}
        assert bases <= known, name
    for name in ('hf_hub_download', 'get_token', 'HfApi'):
        assert hasattr(real, name)


@pytest.mark.parametrize('name', ['', 'a', 'a/b/c', 'a/..', '../b', 'a/b@v'])
def test_malformed_names_are_refused(name):
    with pytest.raises(ValueError, match='repository: expected OWNER/NAME'):
        check_name(name)
