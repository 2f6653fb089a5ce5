"""``weights://``: local file, checked download, or an error that helps."""

import hashlib
import http.server
import io
import threading
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file

from gps_seg.models.catalogue import DOWNLOADS, Download
from gps_seg.models.weight_files import read_provenance
from gps_seg.models.weights import find_weights

OFFICIAL = 'https://example.org/official.pth'


def published_checkpoint() -> bytes:
    """A ``.pth`` laid out as OpenMMLab publishes DINOv2 backbones."""
    file = io.BytesIO()
    tensors = {
        'backbone.cls_token': torch.full((1, 1, 4), 2.0),
        'backbone.layers.0.ln1.weight': torch.arange(4.0),
        'backbone.mask_token': torch.zeros(1, 4),
        'head.fc.weight': torch.zeros(3, 4),
    }
    torch.save({'state_dict': tensors, 'meta': {}}, file)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which weights are looked for."""
    path = tmp_path / 'my_weights'
    monkeypatch.setenv('GPS_SEG_WEIGHTS', str(path))
    return path


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """URL of a web server on this machine that has ``tiny.pth``."""
    root = tmp_path / 'www'
    root.mkdir()
    (root / 'tiny.pth').write_bytes(published_checkpoint())
    handler = partial(_QuietHandler, directory=str(root))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f'http://127.0.0.1:{httpd.server_port}'
        httpd.shutdown()
        thread.join()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch):
    """Put ``weights://tiny`` into the catalogue."""

    def put(*urls: str, hash_prefix: str | None = None) -> None:
        if hash_prefix is None:
            digest = hashlib.sha256(published_checkpoint()).hexdigest()
            hash_prefix = digest[:8]
        entry = Download(urls, hash_prefix, OFFICIAL)
        monkeypatch.setitem(DOWNLOADS, 'tiny', entry)

    return put


def load(name: str) -> dict[str, torch.Tensor]:
    return CheckpointLoader.load_checkpoint(name, map_location='cpu')


def test_local_file_wins_over_the_download(folder: Path, offer) -> None:
    offer('http://127.0.0.1:1/never')
    folder.mkdir()
    save_file({'x': torch.arange(3.0)}, folder / 'tiny.safetensors')
    assert torch.equal(load('weights://tiny')['x'], torch.arange(3.0))


@pytest.fixture
def two_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """The current directory, and a source tree that has weights."""
    tree, here = tmp_path / 'repo', tmp_path / 'here'
    here.mkdir()
    (tree / 'weights').mkdir(parents=True)
    save_file({'x': torch.ones(1)}, tree / 'weights/mine.safetensors')
    source = tree / 'gps_seg/models/weights.py'
    monkeypatch.setattr('gps_seg.models.weights.__file__', str(source))
    monkeypatch.delenv('GPS_SEG_WEIGHTS', raising=False)
    monkeypatch.chdir(here)
    return here, tree


def test_source_tree_serves_any_current_folder(two_folders) -> None:
    here, tree = two_folders
    assert find_weights('mine') == tree / 'weights/mine.safetensors'
    (here / 'weights').mkdir()
    assert find_weights('mine') == tree / 'weights/mine.safetensors'


def test_current_folder_wins_over_the_source_tree(two_folders) -> None:
    here, _ = two_folders
    file = here / 'weights/mine.safetensors'
    file.parent.mkdir()
    save_file({'x': torch.ones(1)}, file)
    assert find_weights('mine').resolve() == file


def test_download_goes_to_a_folder_that_is_there(
    two_folders, server: str, offer
) -> None:
    here, tree = two_folders
    offer(f'{server}/tiny.pth')
    assert find_weights('tiny') == tree / 'weights/tiny.safetensors'
    assert list(here.iterdir()) == []


def test_download_becomes_the_local_file(
    folder: Path, server: str, offer, capfd
) -> None:
    offer(f'{server}/tiny.pth')
    tensors = load('weights://tiny')
    assert tensors.keys() == {'cls_token', 'layers.0.ln1.weight'}
    assert torch.equal(tensors['layers.0.ln1.weight'], torch.arange(4.0))
    file = folder / 'tiny.safetensors'
    assert list(folder.iterdir()) == [file]
    digest = hashlib.sha256(published_checkpoint()).hexdigest()
    assert read_provenance(file)['source_sha256'] == digest
    assert '100' in capfd.readouterr().err  # progress was shown

    offer('http://127.0.0.1:1/gone')
    assert load('weights://tiny').keys() == tensors.keys()


def test_second_mirror_is_tried(folder: Path, server: str, offer) -> None:
    offer(f'{server}/absent.pth', f'{server}/tiny.pth')
    load('weights://tiny')
    file = folder / 'tiny.safetensors'
    assert read_provenance(file)['source_file'] == f'{server}/tiny.pth'


@pytest.mark.parametrize(
    ('path', 'hash_prefix', 'reason'),
    [
        ('tiny.pth', '00000000', 'invalid hash value'),
        ('absent.pth', None, 'HTTP Error 404'),
    ],
)
def test_failed_download_says_what_to_do_and_leaves_nothing(
    folder: Path, server: str, offer, path, hash_prefix, reason
) -> None:
    offer(f'{server}/{path}', hash_prefix=hash_prefix)
    with pytest.raises(FileNotFoundError) as caught:
        load('weights://tiny')
    message = str(caught.value)
    assert reason in message
    assert f'download {OFFICIAL}' in message
    assert str(folder / 'tiny.safetensors') in message
    assert 'tools/model_converters/dinov2_to_mmpretrain.py official.pth' in (
        message
    )
    assert not folder.exists()


def test_no_network_says_what_to_do(folder: Path, offer) -> None:
    offer('http://127.0.0.1:1/refused.pth')
    with pytest.raises(
        FileNotFoundError, match=r'(?s)refused.+download https'
    ):
        load('weights://tiny')
    assert not folder.exists()


@pytest.mark.parametrize('name', DOWNLOADS)
def test_named_converter_exists(repo_dir: Path, name: str) -> None:
    assert (repo_dir / DOWNLOADS[name].converter).is_file()


def test_unknown_name_lists_what_there_is(folder: Path) -> None:
    folder.mkdir()
    save_file({'x': torch.ones(1)}, folder / 'mine.safetensors')
    expected = r'weights://typo: .+vit-small-p14_dinov2.+local files: mine\.'
    with pytest.raises(ValueError, match=expected):
        load('weights://typo')


def test_corrupt_local_file(folder: Path) -> None:
    folder.mkdir()
    (folder / 'mine.safetensors').write_bytes(b'<html>not found</html>')
    with pytest.raises(ValueError, match='whole safetensors file'):
        load('weights://mine')


def test_plain_safetensors_path(tmp_path: Path) -> None:
    path = tmp_path / 'any.safetensors'
    save_file({'x': torch.arange(3.0)}, path)
    assert torch.equal(load(str(path))['x'], torch.arange(3.0))
    with pytest.raises(FileNotFoundError, match='got nothing at'):
        load(str(tmp_path / 'none.safetensors'))


@pytest.mark.parametrize('name', [n for n in DOWNLOADS if 'dinov2' in n])
def test_catalogue_agrees_with_mmpretrain(name: str) -> None:
    package = find_spec('mmpretrain')
    if package is None:
        pytest.skip('mmpretrain is not installed')
    root = Path(package.submodule_search_locations[0])
    metafile = root / '.mim/configs/dinov2/metafile.yml'
    if not metafile.is_file():
        pytest.skip(f'this mmpretrain has no {metafile}')
    published, entry = metafile.read_text(), DOWNLOADS[name]
    assert any(f'Weights: {url}\n' in published for url in entry.urls)
    assert f'Weights: {entry.official_url}\n' in published
    for url in entry.urls:
        assert Path(url).stem.endswith(f'-{entry.hash_prefix}')
