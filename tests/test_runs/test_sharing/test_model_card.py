"""The folder that a delta is given away in: nothing invented, all of it true.

The snippet on the page is run, its front matter parsed, and its numbers are
counted again.
"""

import hashlib
import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmseg.apis import inference_model
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from small_segmentor import info_of, make_delta

from gps_seg.delta import Delta, rounded
from gps_seg.engine.testing.task_model import build_base, build_tuned
from gps_seg.runs.sharing import Told, share
from gps_seg.runs.sharing.sections import _checkpoints, _source
from gps_seg.text.markdown import code, is_on_hub, link, table

TOLD = Told(title='Polyps', base='timm/vit_small')
MUCH = Told(
    title='Polyps',
    base='timm/vit_small',
    license='apache-2.0',
    datasets=('kvasir/seg', 'our: own'),
    intended_use='For research.',
    limits='Not for patients.',
)


@pytest.fixture(scope='module')
def shared(task, tmp_path_factory):
    """The folder of that delta, with all that an author can tell."""
    out = tmp_path_factory.mktemp('shared') / 'out'
    share(task / 'delta.safetensors', out, MUCH)
    return out


def page_of(folder):
    return (folder / 'README.md').read_text(encoding='utf-8')


def front_matter_of(folder):
    _, text, _ = page_of(folder).split('---\n', 2)
    return yaml.safe_load(text)


def section(page, name):
    return re.search(rf'^## {name}\n\n(.*?)(?=^## |\Z)', page, re.M | re.S)[1]


def test_the_folder_is_complete(shared, task, config, tmp_path):
    delta, card, text, preview = (
        shared / name
        for name in (
            *('delta.safetensors', 'README.md', 'config.py', 'preview.png'),
        )
    )
    assert set(shared.iterdir()) == {delta, card, text, preview}
    assert list(shared.parent.iterdir()) == [shared]
    original = task / 'delta.safetensors'
    given = Delta.load(delta)
    assert given.info.config == text.read_text()
    again = tmp_path / 'again.safetensors'
    replace(given, info=Delta.load(original).info).save(again)
    assert again.read_bytes() == original.read_bytes()
    assert Config.fromfile(text).model.decode_head == config.model.decode_head
    assert cv2.imread(str(preview)).std() > 0


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
    share(delta, out, TOLD)
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
        share(tmp_path / 'd', tmp_path / 'out', TOLD)
    assert not (tmp_path / 'out').exists()


def test_the_version_on_the_page_is_no_heading(config, tmp_path):
    info = info_of(config, versions={'gps_seg': '1\n\n# Run `rm -r .`'})
    make_delta(config, info).save(tmp_path / 'delta.safetensors')
    share(tmp_path / 'delta.safetensors', tmp_path / 'out', TOLD)
    page = page_of(tmp_path / 'out')
    assert "With gps_seg `1 # Run 'rm -r .'` installed" in page
    assert not re.search('^# Run', page, re.M)


def test_a_catalogued_base_is_not_said_to_be_the_published_one(config):
    config.model.backbone.init_cfg.checkpoint = (
        'weights://vit-small-p14_dinov2'
    )
    (source,) = map(_source, _checkpoints(config))
    assert 'weights/vit-small-p14_dinov2.safetensors' in source
    assert 'if absent, the published weights' in source
    assert 'http' not in source


def test_the_snippet_on_the_page_works(
    shared, task, config, tmp_path, monkeypatch
):
    here = shutil.copytree(shared, tmp_path / 'elsewhere')
    shutil.copy(task / 'base.safetensors', tmp_path)
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cv2.imwrite('image.jpg', image)
    (snippet,) = re.findall(r'```python\n(.*?)```', page_of(here), re.S)
    assert len(snippet.splitlines()) <= 10
    names = {}
    assert snippet.count('PATH OF THIS FOLDER') == 1
    exec(snippet.replace('PATH OF THIS FOLDER', 'elsewhere'), names)
    tuned = build_tuned(config, here / 'delta.safetensors')
    expected = inference_model(tuned, 'image.jpg').pred_sem_seg.data[0]
    assert names['labels'].shape == (40, 60)
    assert torch.equal(names['labels'], expected)
    assert 0 < expected.float().mean() < 1
    base = build_base(config).backbone.state_dict()
    reverted = names['model'].backbone.state_dict()
    assert all(torch.equal(reverted[name], base[name]) for name in base)


def test_the_front_matter_is_what_the_hub_reads(shared):
    assert page_of(shared).startswith('---\n')
    assert front_matter_of(shared) == {
        'library_name': 'gps_seg',
        'pipeline_tag': 'image-segmentation',
        'tags': [
            *('semantic-segmentation', 'mmsegmentation', 'peft', 'delta'),
            'gps',
        ],
        'license': 'apache-2.0',
        'base_model': 'timm/vit_small',
        'base_model_relation': 'adapter',
        'datasets': ['kvasir/seg', 'our: own'],
        'metrics': ['mDice', 'mIoU'],
    }


def test_nothing_is_invented(config, tmp_path):
    """A delta that knows nothing, by an author who tells next to nothing."""
    info = info_of(
        config, classes=(), palette=(), method={}, metric={}, versions={}
    )
    make_delta(config, info).save(tmp_path / 'mute.safetensors')
    plain = Config({'model': config.model.to_dict()})
    del plain.model.backbone['init_cfg']
    told = Told(title='Mute', base='weights of our own')
    share(tmp_path / 'mute.safetensors', tmp_path / 'out', told, config=plain)
    assert set(front_matter_of(tmp_path / 'out')) == {
        *('library_name', 'pipeline_tag', 'tags'),
    }
    page = page_of(tmp_path / 'out')
    headings = re.findall(r'^## (.*)$', page, re.M)
    assert headings == [
        *('Base', 'Size', 'Use', 'Verify', 'Intended use and limits'),
    ]
    assert 'tuned by' not in page
    assert 'segments an image' not in page
    assert 'loads it from' not in page
    assert 'The delta has no metric.' in page
    assert 'None' not in page


def test_what_the_delta_and_the_author_say(shared, task):
    page = page_of(shared)
    assert '\n# Polyps\n' in page
    assert 'into `background`, `polyp`.' in page
    assert 'tuned by `gps`, `k = 1`.' in page
    assert '![Preview](preview.png)' in page
    assert '`base.safetensors`' in section(page, 'Base')
    assert str(task) not in page
    link_to = '[timm/vit_small](https://huggingface.co/timm/vit_small)'
    assert f'{link_to}. The delta' in section(page, 'Base')
    assert section(page, 'Data').split('\n')[:4] == [
        '- training: `PolypDataset`, `splits/train.txt`',
        '- validation: `PolypDataset`, `splits/val.txt`',
        '- [kvasir/seg](https://huggingface.co/datasets/kvasir/seg)',
        '- our: own',
    ]
    assert '| `mDice` | 88.25 |\n| `mIoU` | 80.5 |' in section(page, 'Metric')
    use = section(page, 'Intended use and limits')
    assert use.startswith('For research.\n\nNot for patients.\n\n')
    assert 'bit for bit' in use
    assert '- `torch`' in section(page, 'Made with')


def test_the_numbers_are_those_of_the_files(shared, config):
    page = page_of(shared)
    delta_file = shared / 'delta.safetensors'
    digest = hashlib.sha256(delta_file.read_bytes()).hexdigest()
    assert f'```\n{digest}\n```' in section(page, 'Verify')
    state = build_base(config).state_dict()
    entries = sum(t.numel() for t in state.values())
    num_bytes = sum(t.numel() * t.element_size() for t in state.values())
    head = [t for n, t in state.items() if n.startswith('decode_head')]
    biases = [
        tensor
        for name, tensor in state.items()
        if name.startswith('backbone') and 'ln' not in name
        if name.endswith('.bias')
    ]
    new, whole = (sum(t.numel() for t in ts) for ts in (head, biases))
    changed = 48 + new + whole  # one entry in each row of a qkv weight
    rows = section(page, 'Size').split('\n')[2:7]
    assert rows == [
        '| single entries of weights | 1 | 48 |  |',
        f'| tensors replaced whole | {len(biases)} | {whole} |  |',
        '| tensors new in the task, such as a head '
        f'| {len(head)} | {new} |  |',
        f'| **the delta** | {1 + len(biases) + len(head)} | {changed:,} | '
        f'{delta_file.stat().st_size:,} |',
        f'| the full model | {len(state)} | {entries:,} | {num_bytes:,} |',
    ]
    assert f'{changed:,} of {entries:,} values' in page


def test_a_rounded_delta_does_not_claim_to_be_exact(config, tmp_path):
    half = rounded(make_delta(config), torch.float16)
    half.save(tmp_path / 'half.safetensors')
    share(tmp_path / 'half.safetensors', tmp_path / 'out', TOLD)
    use = section(page_of(tmp_path / 'out'), 'Intended use and limits')
    assert 'close to the tuned model, but not equal' in use


def test_a_picture_of_ones_own(delta_file, tmp_path):
    picture = tmp_path / 'mine.png'
    notes = PngInfo()
    notes.add_text('Comment', 'GPS 52.1, patient 4711')
    drawn = Image.effect_noise((32, 32), 50)
    drawn.save(
        picture, pnginfo=notes, icc_profile=b'profile of alice', dpi=(9, 9)
    )
    share(delta_file, tmp_path / 'out', TOLD, preview=picture)
    with Image.open(tmp_path / 'out/preview.png') as preview:
        preview.load()
        assert preview.info == {}
        assert np.array_equal(np.asarray(preview), np.asarray(drawn))


def test_without_selected_entries_there_is_no_picture(config, tmp_path):
    delta = make_delta(config)
    whole = delta.restricted(lambda name: name not in delta.selection)
    whole.save(tmp_path / 'whole.safetensors')
    files = share(tmp_path / 'whole.safetensors', tmp_path / 'out', TOLD)
    assert 'preview.png' not in [file.name for file in files]
    page = page_of(tmp_path / 'out')
    assert 'preview.png' not in page
    assert 'single entries of weights' not in page


def test_a_config_of_ones_own(config, tmp_path):
    info = info_of(config, config='')
    make_delta(config, info).save(tmp_path / 'delta.safetensors')
    with pytest.raises(ValueError, match='Give --config'):
        share(tmp_path / 'delta.safetensors', tmp_path / 'out', TOLD)
    share(
        tmp_path / 'delta.safetensors', tmp_path / 'out', TOLD, config=config
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
        share(delta_file, tmp_path / 'out', TOLD, **options)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_with_something_in_it_is_refused(delta_file, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'mine').touch()
    with pytest.raises(FileExistsError, match='new or empty'):
        share(delta_file, out, TOLD)
    assert [file.name for file in out.iterdir()] == ['mine']


def test_an_empty_folder_will_do(delta_file, tmp_path):
    (tmp_path / 'out').mkdir()
    share(delta_file, tmp_path / 'out', TOLD)
    assert (tmp_path / 'out/README.md').is_file()


@pytest.mark.parametrize('field', ['title', 'base'])
def test_what_must_be_told(field):
    words = {'title': 'T', 'base': 'b', field: ' '}
    with pytest.raises(ValueError, match=f'{field}: expected words'):
        Told(**words)


def test_names_on_the_hub():
    assert is_on_hub('timm/vit_small_patch14_dinov2.lvd142m')
    for name in (
        'vit',
        'a/b/c',
        'weights/vit.safetensors',
        'x/y.pth',
        'a b/c',
    ):
        assert not is_on_hub(name), name
        assert link(name) == name
    link_to = 'https://huggingface.co/datasets/kvasir/seg'
    assert link('kvasir/seg', 'datasets/') == f'[kvasir/seg]({link_to})'


def test_code_and_tables_hold_what_they_are_given():
    assert code('a`b\n c') == "`a'b c`"
    assert table([('', 'n'), ('x', 1234)]) == (
        '|  | n |\n| --- | ---: |\n| x | 1,234 |'
    )


def test_a_name_steers_neither_a_terminal_nor_a_table():
    name = code('a\x1b[31m|\u202e 99')
    assert name == r'`a\x1b[31m|\u202e 99`'
    assert table([('', 'value'), (name, 1.5)]).splitlines()[2] == (
        r'| `a\x1b[31m\|\u202e 99` | 1.5 |'
    )
