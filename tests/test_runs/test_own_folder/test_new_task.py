# Copyright (c) gps_seg contributors. Apache-2.0.
"""The folder of a new task: config, lists, picture; whole or not at all."""

import pytest

from gps_seg.engine.config.source import read_config
from gps_seg.runs.own_folder import new_task
from gps_seg.runs.own_folder import starting as module
from gps_seg.runs.own_folder.expectation import Expectation
from gps_seg.runs.own_folder.starting import Choices

pytestmark = pytest.mark.usefixtures('small_encoder', 'no_measurement')


@pytest.fixture
def said():
    return []


@pytest.fixture
def task(tmp_path, photos, said):
    folder = tmp_path / 'polyps'
    config = new_task(
        folder, photos.images, photos.masks, Choices(), say=said.append
    )
    return folder, config


def test_the_folder_has_all_that_a_task_needs(task):
    folder, _ = task
    assert {path.name for path in folder.iterdir()} >= {
        'config.py', 'splits', 'found.json', 'found.png',
    }  # fmt: skip


def test_every_image_is_trained_on_or_validated(task, photos):
    folder, _ = task
    lists = [
        {line.split('\t')[0] for line in path.read_text().splitlines()}
        for path in (folder / 'splits/train.txt', folder / 'splits/val.txt')
    ]
    assert not lists[0] & lists[1]
    assert lists[0] | lists[1] == {p.name for p in photos.images.iterdir()}


def test_the_config_is_read_by_the_name_of_its_folder(task):
    folder, config = task
    assert read_config(str(folder)).pretty_text == config.pretty_text


def test_the_folder_can_be_moved(task, tmp_path):
    folder, _ = task
    moved = folder.rename(tmp_path / 'elsewhere')
    config = read_config(str(moved))
    lists = config.train_dataloader.dataset.ann_file
    assert lists == str(moved / 'splits/train.txt')
    assert config.work_dir == str(moved / 'run')


def test_what_was_found_and_decided_is_said(task, said):
    text = '\n'.join(said)
    assert '12' in text
    assert 'about 0:01:15' in text
    assert '3 MiB above the model' in text
    assert 'input 88 x 88' in text


def test_a_filled_folder_is_not_touched(tmp_path, photos):
    own = tmp_path / 'polyps/notes.txt'
    own.parent.mkdir()
    own.write_text('mine')
    with pytest.raises(FileExistsError, match='new or empty'):
        new_task(own.parent, photos.images, photos.masks, Choices())
    assert [path.name for path in own.parent.iterdir()] == ['notes.txt']


def test_a_wrong_method_is_refused_before_a_file_is_opened(tmp_path, photos):
    def progress(items):
        raise AssertionError('looked at files')

    with pytest.raises(ValueError, match="--method: expected .* got 'gpd'"):
        new_task(
            tmp_path / 'polyps',
            photos.images,
            photos.masks,
            Choices(method='gpd'),
            progress=progress,
        )
    assert not (tmp_path / 'polyps').exists()


def test_a_failed_measurement_leaves_nothing(tmp_path, photos, monkeypatch):
    def fail(*_):
        raise ValueError('plan: expected weights, got none')

    monkeypatch.setattr(module, 'measure', fail)
    with pytest.raises(ValueError, match='got none'):
        new_task(
            tmp_path / 'polyps',
            photos.images,
            photos.masks,
            Choices(),
            say=lambda text: None,
        )
    assert list(tmp_path.iterdir()) == []


def test_the_batch_is_halved_until_a_step_fits(tmp_path, photos, monkeypatch):
    tried = []

    def measure(config, plan, number):
        tried.append((plan.batch, plan.accumulation))
        if plan.batch > 4:
            raise MemoryError
        huge = 2**62 if plan.batch > 2 else 1
        return Expectation(1.0, huge)

    monkeypatch.setattr(module, 'measure', measure)
    config = new_task(
        tmp_path / 'polyps',
        photos.images,
        photos.masks,
        Choices(),
        say=lambda text: None,
    )
    assert tried == [(8, 1), (4, 2), (2, 4)]
    assert config.train_dataloader.batch_size == 2
    assert config.optim_wrapper.accumulative_counts == 4
    # A step of eight images takes four iterations.
    assert config.train_cfg.max_iters == 4 * 550


@pytest.mark.parametrize(
    ('method', 'rate'), [('gps', 3.0), ('full', 0.03), ('mona', 1.0)]
)
def test_a_method_begins_at_the_rate_of_the_study(
    tmp_path, photos, method, rate
):
    config = new_task(
        tmp_path / 'polyps',
        photos.images,
        photos.masks,
        Choices(method=method),
        say=lambda text: None,
    )
    keys = config.optim_wrapper.paramwise_cfg.custom_keys
    assert keys.backbone.lr_mult == rate
    assert config.custom_hooks[0].method.type == method


def test_a_linear_head_gets_its_own_rate(tmp_path, photos):
    config = new_task(
        tmp_path / 'polyps',
        photos.images,
        photos.masks,
        Choices(method='linear'),
        say=lambda text: None,
    )
    assert config.optim_wrapper.optimizer.lr == pytest.approx(1e-2)
    assert 'paramwise_cfg' not in config.optim_wrapper


def test_the_default_is_the_recipe_with_its_warm_up(task):
    hook = task[1].custom_hooks[0]
    assert hook.method == dict(type='gps', k=1, score='decrement', step='unit')
    assert hook.loss == dict(type='task', warmup=60, warm='whole')
