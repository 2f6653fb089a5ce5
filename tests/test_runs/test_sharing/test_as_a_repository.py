"""The shared folder as the Hugging Face hub and strangers see it."""

import getpass
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from model_cards import front_matter_of, page_of, section
from PIL import Image
from run_tool import run_tool
from small_segmentor import info_of, make_delta

from gps_seg.delta import Delta
from gps_seg.runs.sharing import AuthorNotes, share


def text_in(file):
    """All but numbers and pixels, in which a short name occurs by chance."""
    content = file.read_bytes()
    if file.suffix == '.safetensors':
        return content[8 : 8 + int.from_bytes(content[:8], 'little')]
    if file.suffix != '.png':
        return content
    text, start = b'', 8
    while start < len(content):
        length = int.from_bytes(content[start : start + 4], 'big')
        if content[start + 4 : start + 8] != b'IDAT':
            text += content[start : start + 8 + length] + b'|'
        start += 12 + length
    return text


def test_no_file_names_the_machine_or_its_user(config, tmp_path, monkeypatch):
    """Made by the command, from a delta with the config as it was run."""
    monkeypatch.chdir(tmp_path)
    here = {
        'work_dir': str(tmp_path / 'work_dirs/x'),
        'load_from': str(Path.home() / 'start.pth'),
        'test_dataloader.dataset.data_root': str(tmp_path / 'polyps'),
    }
    plain = config.copy()
    config.merge_from_dict(here)
    info = info_of(config, config=config.pretty_text)
    make_delta(plain, info).save('delta.safetensors')
    Image.effect_noise((32, 32), 50).save('overlays.png')
    run_tool('share.py', 'delta.safetensors', '--out', 'out', '--base', 'x')
    words = [
        *(str(Path.cwd()), str(Path.home()), tmp_path.name),
        *(getpass.getuser(), socket.gethostname()),
    ]
    files = sorted(Path('out').iterdir())
    assert len(files) == 5
    for file in files:
        content = text_in(file)
        for word in words:
            pattern = rb'(?<!\w)' + re.escape(word.encode()) + rb'(?!\w)'
            assert not re.search(pattern, content), (file, word)
    for file in files:
        if file.suffix == '.png':
            with Image.open(file) as picture:
                assert set(picture.info) <= {'dpi', 'Software'}, file


def test_the_licenses_of_base_and_data_are_told(delta_file, tmp_path):
    notes = AuthorNotes(
        base='timm/vit',
        license='cc-by-4.0',
        base_license='Apache-2.0',
        datasets=('our own',),
        data_license='research only',
    )
    share(delta_file, tmp_path / 'out', notes)
    page = page_of(tmp_path / 'out')
    assert front_matter_of(page)['license'] == 'cc-by-4.0'
    base, data = section(page, 'Base'), section(page, 'Data')
    assert base.endswith('License of the base model: Apache-2.0.\n\n')
    assert data.endswith('License of the data: research only.\n\n')
    share(delta_file, tmp_path / 'mute', AuthorNotes(base='timm/vit'))
    assert 'icense of the' not in page_of(tmp_path / 'mute')


def test_a_license_that_the_delta_knows_is_told(delta_file, tmp_path):
    delta = Delta.load(delta_file)
    base = {'name': 'timm/vit', 'licence': 'cc-by-nc-4.0'}
    known = replace(delta, info=replace(delta.info, base=base))
    known.save(tmp_path / 'known.safetensors')
    notes = AuthorNotes(base='timm/vit')
    share(tmp_path / 'known.safetensors', tmp_path / 'out', notes)
    told = section(page_of(tmp_path / 'out'), 'Base')
    assert told.endswith('License of the base model: cc-by-nc-4.0.\n\n')


@pytest.mark.optional
def test_the_library_of_the_hub_reads_the_card(shared):
    library = pytest.importorskip(
        'huggingface_hub', reason='the extra [hub] is not installed'
    )
    page = page_of(shared)
    head = front_matter_of(page)
    data = library.ModelCard(page).data
    assert data.library_name == 'gps_seg'
    assert data.license == 'apache-2.0'
    assert data.base_model == 'timm/vit_small'
    assert data.pipeline_tag == 'image-segmentation'
    (result,) = head['model-index'][0]['results']
    written = {m['name']: m['value'] for m in result['metrics']}
    name, results = library.repocard_data.model_index_to_eval_results(
        head['model-index']
    )
    assert name == data.model_name == head['model-index'][0]['name']
    for found in (results, data.eval_results):
        read = {r.metric_name: r.metric_value for r in found}
        assert read == written
        assert {r.task_type for r in found} == {'image-segmentation'}
        assert {r.dataset_split for r in found} == {'validation'}
    # The library writes the same head again.
    again = library.ModelCard(f'---\n{data.to_yaml()}\n---\n').data
    assert again.to_dict() == data.to_dict()
