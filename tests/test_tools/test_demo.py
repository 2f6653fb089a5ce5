# Copyright (c) gps_seg contributors. Apache-2.0.
"""The demo as a user runs it, made small, and the checkpoint it needs."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from run_tool import error_of_tool, run_tool
from safetensors import safe_open

from gps_seg.datasets.synthetic_polyps import (
    image_rng,
    render_polyp_image,
    writer,
)
from gps_seg.engine.reporting import report_hook, selection_report
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


@pytest.fixture
def draw_of_gps_alone(monkeypatch):
    """The demo shows no picture of the other methods' runs."""
    for module, name in (
        (report_hook, 'plot_curves'),
        (selection_report, 'plot_selection'),
    ):
        draw = getattr(module, name)
        monkeypatch.setattr(module, name, only_of_gps(draw))


def only_of_gps(draw):
    return lambda what, path, *more: (
        draw(what, path, *more) if 'gps' in Path(path).parts else path
    )


def lines_after(text, title):
    """The lines of the paragraph that a line with the title begins."""
    (paragraph,) = [p for p in text.split('\n\n') if p.startswith(title)]
    return paragraph.splitlines()[1:]


def by_first_words(lines):
    """Cells of a table by the first of them; two spaces part the cells."""
    cells = [re.split(r'  +', line) for line in lines]
    return {first: rest for first, *rest in cells}


@pytest.fixture
def shown(tmp_path, capsys, monkeypatch, draw_of_gps_alone, coarse_pictures):
    """What the demo prints; its folder, ``demo``, is the current one's."""
    # MMEngine formats the config many times, and takes seconds with long
    # paths in it.
    monkeypatch.chdir(tmp_path)
    run_tool('demo.py', '--work-dir', 'demo', '--cfg-options', *SMALL)
    return capsys.readouterr().out


def test_demo_shows_one_base_at_three_hospitals(shown, tmp_path):
    matrix = by_first_words(lines_after(shown, 'Image Dice (%) at each'))
    methods = by_first_words(lines_after(shown, 'Methods at A')[:7])
    check_matrix(matrix, methods, tmp_path / 'demo')
    check_methods(methods)
    # One connection of each neuron: a patch embedding of 128 filters and four
    # blocks of 384 + 128 + 512 + 128 rows.
    neurons = 128 + 4 * (384 + 128 + 512 + 128)
    assert f'gps selected {neurons:,} connections' in shown
    assert shown.count('iteration   2/2') == 6
    assert 'the same to the last bit' in ' '.join(shown.split())
    assert re.search(r'base: (\w{8}) before = \1 after, equal to', shown)
    assert re.search(r'(\d+\.\d{4}) in training, \1 from its file', shown)
    check_pictures(lines_after(shown, 'Pictures:'))
    assert max(map(len, shown.splitlines())) <= 80
    assert len(shown.splitlines()) <= 48


def check_matrix(matrix, methods, folder):
    assert list(matrix) == [
        'on the base', 'nothing', 'delta A', 'delta B', 'full tuning A',
    ]  # fmt: skip
    assert matrix['on the base'] == ['source', 'A', 'B', 'file']
    # At A the scores are those of the runs themselves.
    for state, method in (
        ('nothing', 'before'), ('delta A', 'gps'), ('full tuning A', 'full'),
    ):  # fmt: skip
        dice = methods[method][methods['method'].index('image_mDice')]
        assert float(matrix[state][1]) == pytest.approx(float(dice), abs=0.06)
    for state, run in (
        ('delta A', 'gps'), ('delta B', 'gps_dye'), ('full tuning A', 'full'),
    ):  # fmt: skip
        size = (folder / run / 'delta.safetensors').stat().st_size
        assert matrix[state][3] == f'{round(size / 1000):,} kB'


def check_methods(methods):
    names = ['before', 'linear', 'bias', 'random', 'gps', 'full']
    assert list(methods) == ['method', *names]
    trained = {n: int(methods[n][0].replace(',', '')) for n in names}
    neurons = 128 + 4 * (384 + 128 + 512 + 128)
    assert trained['before'] == 0
    # There are as many biases as neurons.
    assert trained['bias'] == trained['linear'] + neurons
    assert trained['gps'] == trained['linear'] + 2 * neurons
    assert trained['random'] == trained['gps']


def check_pictures(lines):
    pictures = [Path(line.split(':')[0].strip()) for line in lines]
    assert [picture.name for picture in pictures] == [
        'domains.png', 'predictions.png', 'methods.png', 'comparison.png',
        'selection.png',
    ]  # fmt: skip
    for picture in pictures:
        with open(picture, 'rb') as file:
            assert file.read(8) == b'\x89PNG\r\n\x1a\n'


@pytest.mark.parametrize('folder', ['target', 'dye', 'source_held_out'])
def test_demo_refuses_data_of_another_recipe(
    tmp_path, capsys, monkeypatch, folder
):
    monkeypatch.setattr(writer, '_write_pair', lambda *_: 'drawn')
    data = tmp_path / 'data' / folder
    data.mkdir(parents=True)
    (data / 'thesis.txt').write_text('precious')
    error = error_of_tool(capsys, 'demo.py', '--work-dir', tmp_path)
    assert 'folder with files in it' in error
    assert [path.name for path in data.iterdir()] == ['thesis.txt']


def test_no_image_of_the_source_was_seen_in_the_pretraining(repo_dir, config):
    """Equal seeds would give equal images."""
    held_out = Config.fromfile(repo_dir / 'configs/demo/source.py').generator
    assert held_out.domain == config.generator.domain == 'source'
    assert held_out.seed != config.generator.seed


@pytest.mark.parametrize('rival', ['linear', 'bias', 'full', 'gps_random'])
def test_rivals_differ_from_gps_in_method_and_rate_alone(repo_dir, rival):
    folder = repo_dir / 'configs/demo'
    gps = Config.fromfile(folder / 'gps.py').to_dict()
    other = Config.fromfile(folder / f'{rival}.py').to_dict()
    for config in (gps, other):
        config.pop('custom_hooks')
        config['optim_wrapper']['optimizer'].pop('lr')
    assert gps == other


@pytest.mark.parametrize('hospital', ['source', 'gps_dye'])
def test_hospitals_differ_in_their_images_alone(repo_dir, hospital):
    folder = repo_dir / 'configs/demo'
    gps = Config.fromfile(folder / 'gps.py').to_dict()
    other = Config.fromfile(folder / f'{hospital}.py').to_dict()
    for config in (gps, other):
        root = config.pop('data_root')
        config.pop('generator')
        for split in ('train', 'val', 'test'):
            dataset = config[f'{split}_dataloader']['dataset']
            assert dataset.pop('data_root') == root
    assert gps == other


def test_pretraining_writes_a_checkpoint_that_the_demo_takes(
    tmp_path, config, monkeypatch, no_pictures, capsys
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
    error = error_of_tool(capsys, 'pretrain_demo.py', out)
    assert 'out: expected a new file' in error
