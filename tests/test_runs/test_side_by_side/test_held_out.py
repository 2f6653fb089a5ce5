# Copyright (c) gps_seg contributors. Apache-2.0.
"""Deltas scored on data sets, against NumPy and plain state dicts."""

import cv2
import numpy as np
import pytest
import torch
from demo_tasks import assert_same_bits, read_base, tune
from mmengine.config import Config

from gps_seg.datasets.synthetic_polyps import write_dataset
from gps_seg.delta import extract
from gps_seg.engine import build_base
from gps_seg.runs.side_by_side.held_out import (
    HeldOut,
    mean_dice,
    median_rows,
    score_matrix,
)

PLACES = ('source', 'dye')
NUM_IMAGES = 3


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('held_out')
    for place in PLACES:
        write_dataset(
            folder / place,
            domain=place,
            split_sizes={'val': NUM_IMAGES},
            size=112,
            seed=3,
        )
    return folder


@pytest.fixture(scope='module')
def base_config(repo_dir):
    config = Config.fromfile(repo_dir / 'configs/demo/gps.py')
    config.load_from = str(repo_dir / config.load_from)
    return config


@pytest.fixture
def data(folder, base_config):
    held_out = {}
    for place in PLACES:
        config = base_config.copy()
        config.val_dataloader.dataset.data_root = str(folder / place)
        config.val_dataloader.batch_size = 2
        held_out[place] = HeldOut(config)
    return held_out


@pytest.fixture(scope='module')
def tuned():
    """State dicts of the base and of two tuned models."""
    base = read_base()
    return {
        'nothing': base,
        'one': tune(base, 0),
        'two': tune(base, 1),
    }


@pytest.fixture(scope='module')
def deltas(tuned):
    base = tuned['nothing']
    changed = {name: extract(base, tuned[name]) for name in ('one', 'two')}
    return {'nothing': None, **changed}


def labels_by_hand(model, image):
    bgr = torch.from_numpy(image).permute(2, 0, 1)
    with torch.no_grad():
        (result,) = model.test_step({'inputs': [bgr]})
    return result.pred_sem_seg.data[0].numpy()


def pairs(folder, place):
    for path in sorted((folder / place / 'images').iterdir()):
        mask = folder / place / 'masks' / f'{path.stem}.png'
        yield path, cv2.imread(str(path)), cv2.imread(str(mask), -1)


def dice_by_hand(model, folder, place):
    dice = []
    for _, image, mask in pairs(folder, place):
        found, truth = labels_by_hand(model, image) == 1, mask == 1
        both = (found & truth).sum()
        dice.append(200 * both / (found.sum() + truth.sum()))
    return dice


def test_each_cell_is_the_dice_of_the_tuned_model_on_the_images(
    folder, base_config, data, deltas, tuned
):
    model, other = build_base(base_config), build_base(base_config)
    matrix = score_matrix(model, deltas, data)
    assert list(matrix) == ['nothing', 'one', 'two']
    for name, row in matrix.items():
        other.load_state_dict(tuned[name])
        assert list(row) == ['source', 'dye']
        for place, scores in row.items():
            expected = dice_by_hand(other, folder, place)
            assert [s.dice for s in scores] == pytest.approx(expected)
            assert mean_dice(scores) == pytest.approx(np.mean(expected))
    assert len({mean_dice(s) for r in matrix.values() for s in r.values()}) > 4


def test_the_model_is_the_base_again(base_config, data, deltas, tuned):
    model = build_base(base_config)
    score_matrix(model, deltas, data)
    assert_same_bits(model.state_dict(), tuned['nothing'])


def test_rows_show_the_median_image_with_its_predictions(
    folder, base_config, data, deltas, tuned
):
    model, other = build_base(base_config), build_base(base_config)
    matrix = score_matrix(model, deltas, data)
    chosen_by = {'source': 'nothing', 'dye': 'two'}
    rows = median_rows(model, deltas, data, matrix, chosen_by)
    assert [row.title for row in rows] == ['source', 'dye']
    for row in rows:
        place = row.title
        scores = matrix[chosen_by[place]][place]
        median = sorted(scores, key=lambda s: s.dice)[NUM_IMAGES // 2].img_path
        ((_, image, mask),) = [
            pair for pair in pairs(folder, place) if str(pair[0]) == median
        ]
        np.testing.assert_array_equal(row.image, image[..., ::-1])
        np.testing.assert_array_equal(row.truth, mask)
        for name, labels in row.predictions.items():
            other.load_state_dict(tuned[name])
            expected = labels_by_hand(other, image)
            np.testing.assert_array_equal(labels, expected)
            (dice,) = [
                s.dice for s in matrix[name][place] if s.img_path == median
            ]
            assert row.captions[name] == f'Dice {dice:.1f}'
    assert_same_bits(model.state_dict(), tuned['nothing'])
