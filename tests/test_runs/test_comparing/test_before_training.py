# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a comparison refuses before any of its runs begins."""

import json

import pytest
from comparison_jobs import REPO, finish, settings_for
from run_tool import error_of_tool

from gps_seg.runs.comparing import comparison


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
