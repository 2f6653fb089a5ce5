# Copyright (c) gps_seg contributors. Apache-2.0.
"""The demo as a user runs it, made small, and the checkpoint it needs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from run_tool import run_tool
from safetensors import safe_open

from gps_seg.datasets.synthetic_polyps import image_rng, render_polyp_image
from gps_seg.engine.reporting import report_hook
from gps_seg.models.weight_files import read_provenance, read_tensors

SMALL = (
    'generator.split_sizes.train=8',
    'generator.split_sizes.val=6',
    'generator.split_sizes.tune=1',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=1',
    'default_hooks.logger.interval=1',
    'default_hooks.report.num_examples=1',
)
MAX_BYTES = 3_000_000


@pytest.fixture
def checkpoint(repo_dir):
    return repo_dir / 'data/demo/vit-demo_source.safetensors'


@pytest.fixture
def config(repo_dir):
    return Config.fromfile(repo_dir / 'configs/demo/pretrain_source.py')


@pytest.fixture
def source_model(config, checkpoint):
    init_default_scope('mmseg')
    model = MODELS.build(config.model)
    model.load_state_dict(read_tensors(checkpoint), strict=True)
    return model.eval()


def test_checkpoint_is_small_and_half_precision(checkpoint):
    assert checkpoint.stat().st_size <= MAX_BYTES
    with safe_open(checkpoint, framework='pt') as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}
    assert kinds <= {'F16', 'I64'}


def test_checkpoint_says_how_it_was_made(checkpoint):
    facts = read_provenance(checkpoint)
    assert 'tools/pretrain_demo.py' in facts['command']
    assert {'seed', 'iterations', 'torch', 'numpy'} <= set(facts)
    assert float(facts['image_mDice']) > 80


def test_checkpoint_scores_what_it_says(source_model, checkpoint, config):
    """On the first validation images, drawn anew and scored by hand."""
    size, seed = config.generator.size, config.generator.seed
    first = config.generator.split_sizes.train
    dice = []
    for index in range(first, first + 24):
        rng = image_rng(seed, 'source', index)
        image, mask = render_polyp_image(rng, 'source', size)
        bgr = torch.from_numpy(np.ascontiguousarray(image[..., ::-1]))
        batch = dict(inputs=[bgr.permute(2, 0, 1)])
        with torch.no_grad():
            (result,) = source_model.test_step(batch)
        found = result.pred_sem_seg.data[0].numpy() == 1
        both = (found & (mask == 1)).sum()
        dice.append(200 * both / (found.sum() + mask.sum()))
    recorded = float(read_provenance(checkpoint)['image_mDice'])
    assert np.mean(dice) == pytest.approx(recorded, abs=6)


def only_of_gps(draw):
    """The demo shows no picture of the other methods' runs."""
    return lambda what, path, *more: (
        draw(what, path, *more) if 'gps' in path.parts else path
    )


def test_demo_ends_with_a_summary_and_pictures(tmp_path, capsys, monkeypatch):
    # MMEngine formats the config many times, and takes seconds with long
    # paths in it.
    monkeypatch.chdir(tmp_path)
    for name in ('plot_curves', 'plot_overlays'):
        draw = getattr(report_hook, name)
        monkeypatch.setattr(report_hook, name, only_of_gps(draw))
    run_tool('demo.py', '--work-dir', 'demo', '--cfg-options', *SMALL)
    shown = capsys.readouterr().out
    rows = {
        line.split()[0]: line.split()
        for line in shown.splitlines()
        if line.startswith(('before', 'linear', 'gps', 'full'))
    }
    trained = {k: int(row[1].replace(',', '')) for k, row in rows.items()}
    assert list(trained) == ['before', 'linear', 'gps', 'full']
    # One connection of each neuron (a patch embedding of 128 filters and four
    # blocks of 384 + 128 + 512 + 128 rows), as many biases, and the head.
    neurons = 128 + 4 * (384 + 128 + 512 + 128)
    assert trained['before'] == 0
    assert trained['gps'] == trained['linear'] + 2 * neurons
    assert f'GPS selected {neurons:,} connections' in shown
    assert shown.count('iteration   2/2') == 3
    pictures = shown[shown.index('Pictures:') :].split()[1:]
    names = {picture.rsplit('/')[-1] for picture in pictures}
    assert names == {
        'domains.png', 'predictions.png', 'comparison.png',
        'overlays.png', 'curves.png', 'selection.png',
    }  # fmt: skip
    for picture in pictures:
        with open(picture, 'rb') as file:
            assert file.read(8) == b'\x89PNG\r\n\x1a\n'


def test_demo_refuses_data_of_another_recipe(tmp_path):
    folder = tmp_path / 'data/target'
    folder.mkdir(parents=True)
    (folder / 'thesis.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='folder with files in it'):
        run_tool('demo.py', '--work-dir', tmp_path)
    assert [path.name for path in folder.iterdir()] == ['thesis.txt']


def test_pretraining_writes_a_checkpoint_that_the_demo_takes(
    tmp_path, config, monkeypatch, no_pictures
):
    monkeypatch.chdir(tmp_path)  # for short paths, see above
    out, data = Path('made.safetensors'), Path('source')
    run_tool(
        'pretrain_demo.py', out, '--work-dir', 'run',
        '--cfg-options',
        f'data_root={data}',
        f'train_dataloader.dataset.data_root={data}',
        f'val_dataloader.dataset.data_root={data}',
        'train_dataloader.batch_size=2',
        'train_dataloader.dataset.ann_file=splits/train.txt',
        'generator.split_sizes.train=4', 'generator.split_sizes.val=2',
        'train_cfg.max_iters=2', 'train_cfg.val_interval=2',
        'default_hooks.checkpoint.save_best=None',
    )  # fmt: skip
    init_default_scope('mmseg')
    model = MODELS.build(config.model)
    model.load_state_dict(read_tensors(out), strict=True)
    assert 0 <= float(read_provenance(out)['image_mDice']) <= 100
    shutil.rmtree(data)
    with pytest.raises(FileExistsError, match='out: expected a new file'):
        run_tool('pretrain_demo.py', out)
