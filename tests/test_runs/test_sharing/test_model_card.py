"""The model card: nothing invented, all of it true.

The snippet on it is run, and its numbers are counted again.
"""

import hashlib
import re
import shutil

import cv2
import numpy as np
import torch
from added_tasks import delta_by_adding
from mmengine.config import Config
from mmseg.apis import inference_model
from model_cards import NOTES, front_matter_of, page_of, section
from small_segmentor import info_of, make_delta

from gps_seg.delta import rounded
from gps_seg.engine.testing.task_model import build_base, build_tuned
from gps_seg.runs.sharing import AuthorNotes, share
from gps_seg.runs.sharing.config_facts import (
    checkpoints,
    describe_checkpoint,
)


def test_the_version_on_the_page_is_no_heading(config, tmp_path):
    info = info_of(config, versions={'gps_seg': '1\n\n# Run `rm -r .`'})
    make_delta(config, info).save(tmp_path / 'delta.safetensors')
    share(tmp_path / 'delta.safetensors', tmp_path / 'out', NOTES)
    page = page_of(tmp_path / 'out')
    assert "made with `1 # Run 'rm -r .'`:" in page
    assert not re.search('^# Run', page, re.M)


def test_a_catalogued_base_is_not_said_to_be_the_published_one(config):
    config.model.backbone.init_cfg.checkpoint = (
        'weights://vit-small-p14_dinov2'
    )
    (source,) = map(describe_checkpoint, checkpoints(config))
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


def test_nothing_is_invented(config, tmp_path):
    """A delta that knows nothing, by an author who tells next to nothing."""
    info = info_of(
        config, classes=(), palette=(), method={}, metric={}, versions={}
    )
    make_delta(config, info).save(tmp_path / 'mute.safetensors')
    plain = Config({'model': config.model.to_dict()})
    del plain.model.backbone['init_cfg']
    told = AuthorNotes(title='Mute', base='weights of our own')
    share(tmp_path / 'mute.safetensors', tmp_path / 'out', told, config=plain)
    assert set(front_matter_of(page_of(tmp_path / 'out'))) == {
        *('library_name', 'pipeline_tag', 'tags'),
    }
    page = page_of(tmp_path / 'out')
    headings = re.findall(r'^## (.*)$', page, re.M)
    assert headings == [
        *('Base', 'Size', 'Use', 'Verify', 'Intended use and limits'),
    ]
    assert 'tuned with' not in page
    assert 'segments an image' not in page
    assert 'loads it from' not in page
    assert 'The delta has no metrics.' in page
    assert 'None' not in page.replace('build_tuned(None, ', '')


def test_what_the_delta_and_the_author_say(shared, task):
    page = page_of(shared)
    assert '\n# Polyps\n' in page
    assert 'into `background`, `polyp`.' in page
    assert 'tuned with `gps`, `k = 1`.' in page
    pictures = re.findall(r'^!\[(.*)\]\((.*)\)$', page, re.M)
    assert pictures == [
        ('Preview', 'preview.png'),
        ('Selected connections, by layer', 'selection.png'),
    ]
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
    assert '| `mDice` | 88.25 |\n| `mIoU` | 80.50 |' in section(
        page, 'Metrics'
    )
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
        '| selected connections | 1 | 48 |  |',
        f'| whole tensors, such as biases | {len(biases)} | {whole} |  |',
        f'| new tensors, such as a head | {len(head)} | {new} |  |',
        f'| **the delta** | {1 + len(biases) + len(head)} | {changed:,} | '
        f'{delta_file.stat().st_size:,} |',
        f'| the full model | {len(state)} | {entries:,} | {num_bytes:,} |',
    ]
    assert f'{changed:,} of {entries:,} values' in page


def test_a_rounded_delta_does_not_claim_to_be_exact(config, tmp_path):
    half = rounded(make_delta(config), torch.float16)
    half.save(tmp_path / 'half.safetensors')
    share(tmp_path / 'half.safetensors', tmp_path / 'out', NOTES)
    use = section(page_of(tmp_path / 'out'), 'Intended use and limits')
    assert 'close to the tuned model, but not equal' in use


def test_the_card_of_a_method_that_adds_modules(config, tmp_path, monkeypatch):
    """Its counts, and its snippet after installing."""
    info = info_of(config, seed=0)
    delta, tuned = delta_by_adding(build_base(config, 0), 'bottleneck', info)
    delta.save(tmp_path / 'delta.safetensors')
    share(tmp_path / 'delta.safetensors', tmp_path / 'out', NOTES)
    page = page_of(tmp_path / 'out')
    head = sum(p.numel() for p in tuned.decode_head.state_dict().values())
    added = 2 * (2 * 16 + 2 + 2 * 16 + 16)
    assert f'It changes {head} of ' in page
    assert f'and adds {added} values in 2 modules (`bottleneck`)' in page
    assert f'| added modules | 8 | {added} |' in page
    base = config.model.backbone.init_cfg.checkpoint
    shutil.copy(base, tmp_path)
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cv2.imwrite('image.jpg', image)
    (snippet,) = re.findall(r'```python\n(.*?)```', page, re.S)
    names = {}
    exec(snippet.replace('PATH OF THIS FOLDER', 'out'), names)
    assert names['model'].state_dict().keys() == (
        build_base(config, 0).state_dict().keys()
    )
