"""The upload, to a hub that only writes down what it is asked to do."""

import inspect
import socket
from functools import partial
from types import SimpleNamespace

import pytest
from model_cards import NOTES
from PIL import Image
from recorded_hub import ERRORS, ConnectError, RecordedHub
from run_tool import error_of_tool, run_tool

from gps_seg.runs.sharing import prepare_push, push, pushing, share


@pytest.fixture
def hub(monkeypatch):
    hub = RecordedHub()
    monkeypatch.setattr(pushing, 'hub_library', lambda: hub)
    return hub


@pytest.fixture
def arguments(delta_file, tmp_path):
    return ('share.py', delta_file, '--out', tmp_path / 'out', '--base', 'x')


def test_nothing_is_uploaded_unless_asked_for(hub, arguments):
    run_tool(*arguments)
    assert hub.calls == []


def test_the_whole_folder_is_uploaded_and_its_address_told(
    hub, arguments, tmp_path, capsys
):
    run_tool(*arguments, '--push', 'alice/polyps')
    create, upload = hub.calls
    options = {'repo_type': 'model', 'exist_ok': True}
    assert create == ('create', 'alice/polyps', options)
    kind, options = upload
    assert kind == 'upload'
    assert options['repo_id'] == 'alice/polyps'
    assert options['folder_path'] == tmp_path / 'out'
    assert 'patterns' not in str(options)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == 'pushed to https://huggingface.co/alice/polyps'


def test_validation_images_are_uploaded_only_if_named(
    hub, arguments, tmp_path, capsys
):
    Image.effect_noise((8, 8), 50).save(tmp_path / 'overlays.png')
    pushing = (*arguments, '--push', 'alice/polyps')
    error = error_of_tool(capsys, *pushing)
    assert 'expected --no-images or --preview' in error
    assert error.count('\n') == 1
    assert hub.calls == [] and not (tmp_path / 'out').exists()
    run_tool(*pushing, '--no-images')
    assert len(hub.calls) == 2
    assert not (tmp_path / 'out/preview.png').exists()


@pytest.mark.parametrize(
    ('name', 'token', 'words'),
    [
        (
            'polyps',
            't',
            'expected OWNER/NAME on the Hugging Face hub',
        ),
        ('https://huggingface.co/a/b', 't', 'expected OWNER/NAME'),
        ('alice/polyps', None, 'expected a login on the Hugging Face hub'),
    ],
)
def test_what_is_wrong_is_told_before_the_work(
    hub, arguments, tmp_path, capsys, name, token, words
):
    hub.token = token
    error = error_of_tool(capsys, *arguments, '--push', name)
    assert words in error and error.count('\n') == 1
    assert hub.calls == [] and not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('failure', 'kind', 'words'),
    [
        (
            ERRORS.HfHubHTTPError('403 Forbidden: no.\nRequest ID: 1'),
            *(PermissionError, 'got: 403 Forbidden: no. The'),
        ),
        (
            ERRORS.LocalTokenNotFoundError('Token is required'),
            *(PermissionError, 'Run: hf auth login'),
        ),
        (
            ConnectionError('[Errno 101] Network is unreachable'),
            *(ConnectionError, 'Check the network'),
        ),
        (
            ConnectError('[Errno -2] Name or service not known'),
            *(ConnectionError, 'got: [Errno -2] Name or service not known.'),
        ),
    ],
)
def test_a_refused_upload_leaves_the_folder(
    hub, delta_file, tmp_path, failure, kind, words
):
    share(delta_file, tmp_path / 'out', NOTES)
    before = {f: f.read_bytes() for f in (tmp_path / 'out').iterdir()}
    hub.failure = failure
    with pytest.raises(kind) as raised:
        push(tmp_path / 'out', 'alice/polyps')
    message = str(raised.value)
    assert words in message and '\n' not in message
    assert f'hf upload alice/polyps {tmp_path / "out"}' in message
    after = {f: f.read_bytes() for f in (tmp_path / 'out').iterdir()}
    assert after == before


@pytest.mark.optional
def test_a_hub_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    """The library's own error, of a port of this machine that is closed."""
    library = pytest.importorskip(
        'huggingface_hub', reason='the extra [hub] is not installed'
    )
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        nowhere = f'http://127.0.0.1:{unused.getsockname()[1]}'
        hub = SimpleNamespace(
            errors=library.errors,
            HfApi=partial(library.HfApi, endpoint=nowhere, token='hf_none'),
        )
        monkeypatch.setattr(pushing, 'hub_library', lambda: hub)
        with pytest.raises(ConnectionError, match='Check the network') as told:
            push(tmp_path, 'alice/polyps')
    assert '\n' not in str(told.value)


@pytest.mark.optional
def test_the_library_takes_these_calls(hub, tmp_path):
    """Its own signatures; nothing is sent."""
    library = pytest.importorskip(
        'huggingface_hub', reason='the extra [hub] is not installed'
    )
    prepare_push('alice/polyps')
    push(tmp_path, 'alice/polyps')
    (_, name, created), (_, uploaded) = hub.calls
    api = library.HfApi(library_name='gps_seg')
    inspect.signature(api.create_repo).bind(name, **created)
    inspect.signature(api.upload_folder).bind(**uploaded)
