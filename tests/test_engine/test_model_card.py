"""The folder that a delta is given away in: nothing invented, all of it true.

The snippet on the page is run, its front matter parsed, and its numbers are
counted again.
"""

import hashlib
import re
import shutil

import cv2
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmseg.apis import inference_model
from PIL import Image
from small_segmentor import info_of, make_delta

from gps_seg.delta import Delta, rounded
from gps_seg.engine.sharing import Told, share
from gps_seg.engine.sharing.markdown import code, is_on_hub, link, table
from gps_seg.engine.task_model import build_base, build_tuned

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


def test_the_folder_is_complete(shared, task, config):
    delta, card, text, preview = (
        shared / name
        for name in (
            *('delta.safetensors', 'README.md', 'config.py', 'preview.png'),
        )
    )
    assert set(shared.iterdir()) == {delta, card, text, preview}
    assert list(shared.parent.iterdir()) == [shared]
    original = task / 'delta.safetensors'
    assert delta.read_bytes() == original.read_bytes()
    assert Config.fromfile(text).to_dict() == config.to_dict()
    assert cv2.imread(str(preview)).std() > 0


def test_the_snippet_on_the_page_works(shared, config, tmp_path, monkeypatch):
    here = shutil.copytree(shared, tmp_path / 'elsewhere')
    monkeypatch.chdir(here)
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cv2.imwrite('image.jpg', image)
    (snippet,) = re.findall(r'```python\n(.*?)```', page_of(here), re.S)
    assert len(snippet.splitlines()) <= 10
    names = {}
    exec(snippet, names)
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
    assert f'`{task}/base.safetensors`' in section(page, 'Base')
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
    Image.new('RGB', (4, 4), 'red').save(picture)
    share(delta_file, tmp_path / 'out', TOLD, preview=picture)
    preview = tmp_path / 'out/preview.png'
    assert preview.read_bytes() == picture.read_bytes()


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


def test_a_copy_with_other_bytes_is_noticed(delta_file, tmp_path, monkeypatch):
    def copy(source, target):
        target.write_bytes(source.read_bytes() + b'!')

    monkeypatch.setattr('shutil.copyfile', copy)
    with pytest.raises(OSError, match='expected a copy'):
        share(delta_file, tmp_path / 'out', TOLD)
    assert not (tmp_path / 'out').exists()


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
