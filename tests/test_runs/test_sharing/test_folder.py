"""The published folder: complete, private, and there only if all went well."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from model_cards import NOTES, page_of
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from small_segmentor import info_of, make_delta

from gps_seg.delta import Delta
from gps_seg.runs.sharing import find_overlays, share


def test_the_folder_is_complete(shared, task, config, tmp_path):
    delta, card, text, *pictures = (
        shared / name
        for name in (
            *('delta.safetensors', 'README.md', 'config.py'),
            *('preview.png', 'selection.png'),
        )
    )
    assert set(shared.iterdir()) == {delta, card, text, *pictures}
    assert list(shared.parent.iterdir()) == [shared]
    original = task / 'delta.safetensors'
    given = Delta.load(delta)
    assert given.info.config == text.read_text()
    again = tmp_path / 'again.safetensors'
    replace(given, info=Delta.load(original).info).save(again)
    assert again.read_bytes() == original.read_bytes()
    assert Config.fromfile(text).model.decode_head == config.model.decode_head
    assert all(cv2.imread(str(file)).std() > 0 for file in pictures)


def test_nothing_says_whose_machine_it_was(config, tmp_path):
    private = {
        'work_dir': '/home/alice/work',
        'load_from': '/home/alice/start.pth',
        'train_dataloader.dataset.data_root': '/home/alice/hospital/polyps/',
        'val_dataloader.dataset.data_root': '../alice/hospital/polyps',
        'test_dataloader.dataset.data_root': '~/alice/polyps',
        'test_dataloader.dataset.ann_file': 'C:\\alice\\test.txt',
        'model.backbone.init_cfg.checkpoint': (
            'https://alice.example.org/vit.pth?key=secret'
        ),
        'vis_backends': [{'init_kwargs': {'entity': 'alice'}}],
    }
    config.merge_from_dict(private)
    delta = tmp_path / 'delta.safetensors'
    base = Config.fromfile(config.filename)
    make_delta(base, info_of(config)).save(delta)
    out = tmp_path / 'out'
    share(delta, out, NOTES)
    for file in out.iterdir():
        content = file.read_bytes()
        for word in (b'alice', b'hospital', b'secret', b'/tmp'):
            assert word not in content, (file, word)
    shared = Config.fromfile(out / 'config.py')
    assert shared.load_from == 'start.pth'
    assert shared.model.backbone.init_cfg.checkpoint == 'vit.pth'
    loaders = [shared[f'{n}_dataloader'] for n in ('train', 'val', 'test')]
    assert [loader.dataset.data_root for loader in loaders] == ['polyps'] * 3
    assert shared.test_dataloader.dataset.ann_file == 'test.txt'


def test_a_name_cannot_become_code_in_the_config(config, tmp_path):
    """MMEngine writes keys of dictionaries between quotes as they are."""
    key = "': __import__('os').mkdir('ran'), '"
    config.model.decode_head[key] = 1
    text = f'model = {config.model.to_dict()!r}'
    info = info_of(config, config=text)
    make_delta(Config.fromfile(config.filename), info).save(tmp_path / 'd')
    with pytest.raises(ValueError, match='config: expected'):
        share(tmp_path / 'd', tmp_path / 'out', NOTES)
    assert not (tmp_path / 'out').exists()


def test_a_picture_of_ones_own(delta_file, tmp_path):
    picture = tmp_path / 'mine.png'
    notes = PngInfo()
    notes.add_text('Comment', 'GPS 52.1, patient 4711')
    drawn = Image.effect_noise((32, 32), 50)
    drawn.save(
        picture, pnginfo=notes, icc_profile=b'profile of alice', dpi=(9, 9)
    )
    share(delta_file, tmp_path / 'out', NOTES, preview=picture)
    with Image.open(tmp_path / 'out/preview.png') as preview:
        preview.load()
        assert preview.info == {}
        assert np.array_equal(np.asarray(preview), np.asarray(drawn))


def test_a_run_that_drew_validation_images_has_a_preview(tmp_path):
    delta = tmp_path / 'best_delta.safetensors'
    assert find_overlays(delta) is None
    (tmp_path / 'overlays.png').mkdir()
    assert find_overlays(delta) is None
    (tmp_path / 'overlays.png').rmdir()
    (tmp_path / 'overlays.png').touch()
    assert find_overlays(delta) == tmp_path / 'overlays.png'


def test_images_are_published_only_when_they_are_given(delta_file, tmp_path):
    """They may be of patients."""
    Image.effect_noise((8, 8), 50).save(tmp_path / 'overlays.png')
    files = share(delta_file, tmp_path / 'out', NOTES)
    assert [file.name for file in files if file.suffix == '.png'] == [
        'selection.png'
    ]
    assert 'preview' not in page_of(tmp_path / 'out')


def test_without_selected_entries_there_is_no_picture(config, tmp_path):
    delta = make_delta(config)
    whole = delta.restricted(lambda name: name not in delta.selection)
    whole.save(tmp_path / 'whole.safetensors')
    files = share(tmp_path / 'whole.safetensors', tmp_path / 'out', NOTES)
    assert {file.suffix for file in files} == {'.safetensors', '.md', '.py'}
    page = page_of(tmp_path / 'out')
    assert '.png' not in page
    assert 'selected connections' not in page


def test_a_config_of_ones_own(config, tmp_path):
    info = info_of(config, config='')
    make_delta(config, info).save(tmp_path / 'delta.safetensors')
    with pytest.raises(ValueError, match='Give --config'):
        share(tmp_path / 'delta.safetensors', tmp_path / 'out', NOTES)
    share(
        tmp_path / 'delta.safetensors', tmp_path / 'out', NOTES, config=config
    )
    assert 'EncoderDecoder' in (tmp_path / 'out/config.py').read_text()


def bad_delta(delta_file):
    delta_file.write_bytes(delta_file.read_bytes()[:-3])
    return {}


def config_with_code(delta_file):
    delta = Delta.load(delta_file)
    config = Config.fromstring(delta.info.config, '.py')
    info = info_of(config, config='model = open("x")')
    Delta(delta.changes, info).save(delta_file)
    return {}


def jpeg(delta_file):
    path = delta_file.with_name('picture.png')
    Image.new('RGB', (4, 4)).save(path, 'JPEG')
    return {'preview': path}


def half_a_png(delta_file):
    path = delta_file.with_name('half.png')
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:500])
    return {'preview': path}


def no_picture(delta_file):
    path = delta_file.with_name('text.png')
    path.write_text('no')
    return {'preview': path}


@pytest.mark.parametrize(
    ('spoil', 'error', 'reason'),
    [
        (bad_delta, ValueError, 'delta'),
        (config_with_code, ValueError, 'config: expected assignments'),
        (jpeg, ValueError, 'expected a PNG picture, got JPEG'),
        (half_a_png, ValueError, 'expected a PNG picture, got'),
        (no_picture, ValueError, 'expected a PNG picture, got cannot'),
        (
            lambda file: {'preview': file.with_name('no.png')},
            FileNotFoundError,
            'nothing at',
        ),
    ],
)
def test_bad_input_leaves_nothing_behind(
    delta_file, tmp_path, spoil, error, reason
):
    options = spoil(delta_file)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=reason):
        share(delta_file, tmp_path / 'out', NOTES, **options)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_with_something_in_it_is_refused(delta_file, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'mine').touch()
    with pytest.raises(FileExistsError, match='new or empty'):
        share(delta_file, out, NOTES)
    assert [file.name for file in out.iterdir()] == ['mine']


def test_an_empty_folder_will_do(delta_file, tmp_path):
    (tmp_path / 'out').mkdir()
    share(delta_file, tmp_path / 'out', NOTES)
    assert (tmp_path / 'out/README.md').is_file()
