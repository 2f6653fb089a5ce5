"""A classifier of MMPretrain goes through the tools as a segmentor does.

The config is that of CUB-200-2011, with mixing of images and averaging of
weights, on a miniature of the data and of the model.
"""

import json
import re
import shutil
from pathlib import Path

import classification_sets as sets
import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from run_tool import run_tool
from safetensors.torch import save_file

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.registry import MODELS  # noqa: E402

from gps_seg.delta import Delta, apply  # noqa: E402
from gps_seg.engine import build_base  # noqa: E402
from gps_seg.peft import GPS, weights_to_select  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
BACKBONE = dict(
    type='VisionTransformer',
    arch=dict(
        embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32
    ),
    img_size=32,
)
CONFIG = """
_base_ = {base!r}

model = dict(
    backbone=dict(
        _delete_=True,
        **{backbone!r},
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint={weights!r}),
    ),
    head=dict(in_channels=16),
)
small = dict(data_root={root!r}, check_size=False)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        **small,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='RandomResizedCrop', scale=32),
            dict(type='PackInputs'),
        ],
    ),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(
        **small,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(32, 32)),
            dict(type='PackInputs'),
        ],
    ),
)
# A cosine over two epochs, so that the steps are large.
param_scheduler = [dict(type='CosineAnnealingLR', T_max=2, end=2)]
optim_wrapper = dict(optimizer=dict(lr=0.1))
train_cfg = dict(max_epochs=2)
"""
VALIDATED = """
_base_ = './config.py'

val_cfg = dict(type='ValLoop')
val_dataloader = _base_.test_dataloader
val_evaluator = _base_.test_evaluator
default_hooks = dict(checkpoint=dict(save_best='accuracy/top1'))
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two configs, weights, and six images of noise of their class."""
    folder = tmp_path_factory.mktemp('cub')
    sets.make_cub(folder / 'data')
    rng = np.random.default_rng(0)
    for path in sorted(folder.rglob('*.jpg')):
        level = 60 * int(path.parent.name[:3])
        image = rng.integers(level - 60, level, (40, 36, 3)).astype(np.uint8)
        cv2.imwrite(str(path), image)
    weights = str(folder / 'vit.safetensors')
    save_file(MODELS.build(dict(BACKBONE)).state_dict(), weights)
    text = CONFIG.format(
        base=str(REPO / 'configs/fgvc/gps_vit-b16_cub.py'),
        root=str(folder / 'data'),
        backbone=BACKBONE,
        weights=weights,
    )
    (folder / 'config.py').write_text(text)
    (folder / 'validated.py').write_text(VALIDATED)
    return folder


@pytest.fixture(scope='module')
def trained(folder):
    """The work directory of a run that validates and averages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_tool('train.py', 'validated.py', '--work-dir', 'w', '--seed', 1)
    return folder / 'w'


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def tensors(path):
    config = Config.fromfile('config.py')
    model = build_base(config)
    apply(model, Delta.load(path))
    return model.state_dict()


def test_the_files_of_a_run_are_those_of_a_segmentor(trained):
    names = {path.name for path in trained.iterdir() if path.is_file()}
    assert names >= {
        'best_delta.safetensors',
        'curves.png',
        'delta.safetensors',
        'ema_delta.safetensors',
        'environment.json',
        'report.html',
        'resume.pth',
        'selection.png',
        'selection.safetensors',
        'trained.json',
    }


def test_only_selected_entries_biases_and_head_change(trained):
    delta = Delta.load(trained / 'delta.safetensors')
    before = build_base(Config.fromfile('config.py'))
    weights = weights_to_select(before, GPS(k=2).roles(before))
    after = tensors(trained / 'delta.safetensors')
    for name, value in before.state_dict().items():
        changed = int((after[name] != value).sum())
        if name in weights:
            assert 0 < changed <= 2 * len(value), name
        elif name.startswith('backbone.') and not name.endswith('bias'):
            assert changed == 0, name
    assert delta.info.classes[0] == 'Black_footed_Albatross'
    assert set(delta.info.metric) == {
        *('accuracy/top1', 'accuracy/top5', 'single-label/recall')
    }


@pytest.mark.parametrize('name', ['delta', 'ema_delta', 'best_delta'])
def test_the_weights_are_tested(trained, name):
    weights = trained / f'{name}.safetensors'
    run_tool('test.py', 'config.py', weights, '--work-dir', name)
    metrics = json.loads(Path(name, 'test_metrics.json').read_text())
    assert metrics['accuracy/top1'] in (0.0, 50.0, 100.0)
    assert 'single-label/recall' in metrics
    if name != 'delta':  # the training validates the averaged weights
        said = Delta.load(weights).info.metric
        assert said == {key: metrics[key] for key in said}


def test_the_weights_are_tested_on_other_images(trained, capsys):
    weights = trained / 'delta.safetensors'
    run_tool('test.py', 'config.py', weights, '--work-dir', 'plain')
    run_tool(
        *('test.py', 'config.py', weights, '--work-dir', 'others'),
        *('--unseen', '--alphas', 0.5),
        *('--cfg-options', 'unseen.training.split=train'),
    )
    metrics = json.loads(Path('plain/test_metrics.json').read_text())
    summary = json.loads(Path('others/unseen/summary.json').read_text())
    own, training = summary['sets']
    top_1 = own['per_image']['accuracy']['mean']
    assert top_1 == pytest.approx(metrics['accuracy/top1'])
    assert (own['images'], training['images']) == (2, 4)
    assert [row['set'] for row in summary['ensembles']] == ['test', 'training']
    assert 'change of accuracy' in capsys.readouterr().out


def test_a_model_knows_the_classes_of_its_data_set():
    model = build_base(Config.fromfile('config.py'))
    assert model.dataset_meta['classes'][199] == 'Common_Yellowthroat'


def test_it_can_be_given_away(folder, trained, tmp_path, monkeypatch):
    weights = trained / 'delta.safetensors'
    out = tmp_path / 'birds'
    run_tool('share.py', weights, '--out', out, '--base', 'timm/vit')

    page = (out / 'README.md').read_text()
    assert 'pipeline_tag: image-classification' in page
    assert 'classifies an image as one of 200 classes: `Black_footed' in page
    assert 'Common_Yellowthroat' not in page  # the last of 200
    assert '- validation: `CUB200`, `' in page  # on which it tests, too
    assert '- test:' not in page
    shutil.copy(folder / 'vit.safetensors', out)
    monkeypatch.chdir(out)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 36, 3), np.uint8)
    cv2.imwrite('image.jpg', pixels)
    (snippet,) = re.findall(r'```python\n(.*?)```', page, re.S)
    names = {}
    exec(snippet.replace('PATH OF THIS FOLDER', str(out)), names)
    assert names['label'] == predicted('image.jpg', weights)


def predicted(image, weights):
    """The label by hand: smaller image, normalised, through the model."""
    model = build_base(Config.fromfile('config.py'))
    apply(model, Delta.load(weights))
    small = cv2.resize(cv2.imread(image), (32, 32))[:, :, ::-1].astype('f4')
    chw = torch.from_numpy(small.transpose(2, 0, 1).copy())
    batch = (chw - model.data_preprocessor.mean) / model.data_preprocessor.std
    return int(model(batch[None], mode='tensor').argmax())


def test_label_maps_of_a_classifier_are_refused(trained):
    weights = trained / 'delta.safetensors'
    with pytest.raises(ValueError, match='--out: expected label maps'):
        run_tool(
            *('test.py', 'config.py', weights, '--out', 'maps'),
            '--traceback',
        )


def test_averaged_weights_are_others(trained):
    last, averaged = (
        tensors(trained / f'{name}.safetensors')
        for name in ('delta', 'ema_delta')
    )
    assert not torch.equal(last['head.fc.weight'], averaged['head.fc.weight'])


def test_a_run_that_was_stopped_ends_at_the_same_weights(no_pictures):
    """Crops, drop path and the mixing of images are drawn step by step."""

    def train(name, folder, *options):
        # Runs of one second would have the same name by default.
        named = ('--cfg-options', f'experiment_name={name}', *options)
        run = ('train.py', 'config.py', '--seed', 1, '--work-dir', folder)
        run_tool(*run, *(['--resume'] if name == 'resumed' else []), *named)

    train('whole', 'whole')
    train('stopped', 'parts', 'train_cfg.max_epochs=1')
    first = tensors('parts/delta.safetensors')
    train('resumed', 'parts')
    expected = tensors('whole/delta.safetensors')
    found = tensors('parts/delta.safetensors')
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert not torch.equal(first['head.fc.weight'], found['head.fc.weight'])
