# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a comparison refuses before any of its runs begins."""

import json

import pytest
from comparison_jobs import REPO, finish, settings_for
from mmengine.config import Config
from run_tool import error_of_tool

from gps_seg.runs.comparing import comparison
from gps_seg.runs.comparing.data_check import check_data
from gps_seg.runs.comparing.held_out_images import split_training_images


@pytest.fixture(autouse=True)
def _no_run(monkeypatch):
    def refuse(*_):
        raise AssertionError('a run begins')

    monkeypatch.setattr(comparison, 'work', refuse)


@pytest.fixture
def refused(tmp_path, polyps, capsys):
    """Function that runs tools/compare.py, and returns its error."""

    def run(*arguments, **changes):
        base = REPO / 'configs/demo/gps.py'
        text = f"_base_ = '{base}'\nunseen = dict(other=dict())\n"
        (tmp_path / 'config.py').write_text(text)
        settings = {**settings_for(polyps), **changes}
        return error_of_tool(
            capsys,
            *('compare.py', tmp_path / 'config.py', '--methods', 'bias'),
            *('--work-dir', tmp_path / 'out', *arguments),
            '--cfg-options',
            *(f'{key}={value}' for key, value in settings.items()),
        )

    return run


@pytest.mark.parametrize(
    ('key', 'split', 'what'),
    [
        ('train_dataloader.dataset', 'train', 'the training images'),
        ('val_dataloader.dataset', 'val', 'validation'),
        ('unseen.other', 'tune', 'other'),
    ],
)
def test_an_image_without_a_group(refused, tmp_path, polyps, key, split, what):
    names = (polyps / f'splits/{split}.txt').read_text().split()
    (tmp_path / 'list.txt').write_text('\n'.join(names))
    rows = ['image,group', *(f'{name},video' for name in names[:-1])]
    (tmp_path / 'sequences.csv').write_text('\n'.join(rows))
    changes = {f'{key}.ann_file': tmp_path / 'list.txt'}
    if split != 'tune':
        changes['unseen.other.ann_file'] = 'splits/tune.txt'
    error = refused('--rates', 1, **changes)
    assert f'sequences.csv of {what}: groups: expected a group' in error
    assert f"none for 1: ['{names[-1]}']" in error
    assert not (tmp_path / 'out').exists()


def test_a_split_that_no_run_used_is_not_written(
    refused, tmp_path, monkeypatch
):
    """One of two rates is finished, and then another share is held out."""
    file = tmp_path / 'out/tuning_split.json'
    tune = {'unseen.other.ann_file': 'splits/tune.txt'}

    def stop_after_one_run(jobs, *_):
        assert file.is_file()
        finish(jobs.ready()[0])
        raise ValueError('stopped')

    with monkeypatch.context() as patch:
        patch.setattr(comparison, 'work', stop_after_one_run)
        assert 'stopped' in refused('--rates', 1, 3, **tune)
    written = file.read_bytes()
    assert len(json.loads(written)['held_out']) == 2
    error = refused('--rates', 1, 3, '--held-out', 0.5, **tune)
    assert 'bias rate 1, seed 0 of this config, got one of another' in error
    assert file.read_bytes() == written


TUNE_WITH = """
_base_ = '{base}'
train_dataloader = dict(dataset=dict(ann_file='{file}'))
"""


@pytest.mark.parametrize(
    ('name', 'split'),
    [('validation', 'val'), ('other', 'tune'), ('test', 'val')],
)
def test_rates_that_would_be_tuned_on_scored_images(
    refused, tmp_path, polyps, name, split
):
    """Two of three images, by another path to the same files."""
    scored = (polyps / f'splits/{split}.txt').read_text().split()[:2]
    train = (polyps / 'splits/train.txt').read_text().split()
    (tmp_path / 'list.txt').write_text('\n'.join([*scored, *train]))
    base = REPO / 'configs/demo/gps.py'
    text = TUNE_WITH.format(base=base, file=tmp_path / 'list.txt')
    (tmp_path / 'tune.py').write_text(text)
    (tmp_path / 'link').symlink_to(polyps, target_is_directory=True)
    changes = {'unseen.other.ann_file': 'splits/tune.txt'}
    if name == 'test':  # else the same images as in validation
        changes['val_dataloader.dataset.ann_file'] = 'splits/tune.txt'
    for key in ('val_dataloader.dataset', 'test_dataloader.dataset'):
        changes[f'{key}.data_root'] = tmp_path / 'link'
    error = refused(
        '--rates', 1, '--tune-with', tmp_path / 'tune.py', **changes
    )
    num = len((polyps / f'splits/{split}.txt').read_text().split())
    assert f'tune on no {name} images, got 2 of {num} among the 10' in error
    assert f'{scored[0]}.' in error
    assert not (tmp_path / 'out').exists()


def test_copies_of_validation_images_may_be_unseen(demo_config):
    """They have its paths, and are not tuned on; test images may be absent."""
    split = split_training_images(demo_config, 0.25, {})
    own = demo_config.val_dataloader.dataset
    demo_config.test_dataloader.dataset.data_root = '/nowhere'
    check_data(demo_config, {'copies': dict(own)}, split)


@pytest.fixture
def classifier(polyps, tmp_path):
    """Function that makes a config of a classifier by its training images."""

    def loader(name, split):
        ids = (polyps / f'splits/{split}.txt').read_text().split()
        files = [polyps / f'images/{name}.jpg' for name in ids]
        lines = [f'{file} {i % 2}\n' for i, file in enumerate(files)]
        (tmp_path / f'{name}.txt').write_text(''.join(lines))
        return dict(
            batch_size=1,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(
                type='CustomDataset',
                ann_file=str(tmp_path / f'{name}.txt'),
                classes=['a', 'b'],
                pipeline=[],
            ),
        )

    def make(split):
        return Config(
            dict(
                default_scope='mmpretrain',
                train_dataloader=loader('train', split),
                val_dataloader=loader('val', 'val'),
                val_cfg={},
            )
        )

    return make


def test_rates_of_classifiers(classifier):
    final = classifier('train')
    check_data(final, {}, split_training_images(final, 0.25, {}))
    wrong = split_training_images(classifier('val'), 0.25, {})
    with pytest.raises(ValueError, match='validation images, got 4 of 4'):
        check_data(final, {}, wrong)
