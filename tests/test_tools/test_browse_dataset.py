# Copyright (c) gps_seg contributors. Apache-2.0.
"""The contact sheet, drawn by the command as a user runs it."""

from functools import partial

import cv2
import numpy as np
import pytest
from run_tool import error_of_tool, run_tool

from gps_seg.visualization import ClassColours
from gps_seg.visualization.images.contact_sheet import (
    Tile,
    foreground_share,
    plot_contact_sheet,
    without_ignored,
)

TOOL = 'browse_dataset.py'
browse = partial(run_tool, TOOL)


@pytest.fixture
def config(tmp_path, repo_dir):
    root = tmp_path / 'kvasir-seg'
    for folder in ('images', 'masks', 'splits'):
        (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(5):
        image = rng.integers(0, 256, (40, 60, 3), np.uint8)
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 20 : 30 + index] = 1
        cv2.imwrite(str(root / f'images/id{index}.jpg'), image)
        cv2.imwrite(str(root / f'masks/id{index}.png'), mask)
    (root / 'splits/train.txt').write_text('id0\nid1\nid2\nid3\n')
    (root / 'splits/val.txt').write_text('id4\n')
    path = tmp_path / 'config.py'
    base = repo_dir / 'configs/_base_/datasets/kvasir_seg.py'
    dataset = f'dict(dataset=dict(data_root={str(root)!r}))'
    path.write_text(
        f'_base_ = {str(base)!r}\n'
        f'train_dataloader = {dataset}\n'
        f'val_dataloader = {dataset}\n'
    )
    return path


def test_draws_both_splits_by_seed(config, tmp_path, capsys):
    pages = []
    for split, seed in (('train', 1), ('train', 1), ('train', 2), ('val', 1)):
        page = tmp_path / f'{len(pages)}.png'
        browse(
            *(config, '--split', split, '--number', 3),
            *('--out', page, '--seed', seed),
        )
        assert f'Written to {page}' in capsys.readouterr().out
        pages.append(cv2.imread(str(page)))
    assert np.array_equal(pages[0], pages[1])
    assert not np.array_equal(pages[0], pages[2])
    assert pages[3].shape[1] < pages[0].shape[1]  # one tile, not three


def test_missing_data_is_one_line(config, tmp_path, capsys):
    for mask in (tmp_path / 'kvasir-seg/masks').iterdir():
        mask.unlink()
    page = tmp_path / 'page.png'
    error = error_of_tool(capsys, TOOL, config, '--out', page)
    assert error.startswith('browse_dataset.py: masks: expected')
    assert error.count('\n') == 1
    assert not page.exists()


def test_draws_a_classifier_with_its_labels(tmp_path, figures, capsys):
    folder = tmp_path / 'flowers'
    folder.mkdir()
    for index in range(3):
        image = np.full((20, 30, 3), 80 * index, np.uint8)
        cv2.imwrite(str(folder / f'{index}.png'), image)
    (tmp_path / 'list.txt').write_text('0.png 1\n1.png 0\n2.png 1\n')
    path = tmp_path / 'config.py'
    dataset = {
        'type': 'CustomDataset',
        'data_prefix': str(folder),
        'ann_file': str(tmp_path / 'list.txt'),
        'pipeline': [{'type': 'LoadImageFromFile'}, {'type': 'PackInputs'}],
    }
    names = {'metainfo': {'classes': ['rose', 'tulip']}}
    path.write_text(
        "default_scope = 'mmpretrain'\n"
        f'train_dataloader = dict(dataset={dataset})\n'
        f'test_dataloader = dict(dataset={dataset | names})\n'
    )

    titles = []
    for split in ('train', 'test'):
        browse(path, '--split', split, '--out', tmp_path / 'page.png')
        titles.append([axes.get_title() for axes in figures[-1].axes])

    assert titles == [
        ['0\nclass 1', '1\nclass 0', '2\nclass 1'],
        ['0\ntulip', '1\nrose', '2\ntulip'],
    ]
    assert not figures[-1].legends
    error = error_of_tool(capsys, TOOL, path, '--split', 'val')
    assert 'val_dataloader: expected a data loader in' in error


def test_missing_config(tmp_path, capsys):
    assert 'nowhere.py' in error_of_tool(capsys, TOOL, tmp_path / 'nowhere.py')


@pytest.mark.parametrize('number', ['0', '-3', 'many'])
def test_bad_number(config, capsys, number):
    with pytest.raises(SystemExit):
        browse(config, f'--number={number}')
    assert 'argument --number' in capsys.readouterr().err


def test_only_what_is_ignored_changes_its_colour():
    image = np.full((1, 3, 3), 100, np.uint8)
    labels = np.array([[0, 1, 255]])
    background, polyp, ignored = without_ignored(image, labels)[0]
    assert background.tolist() == polyp.tolist() == [100, 100, 100]
    assert ignored.tolist() == [150, 150, 150]


def test_many_classes_have_their_own_colours(tmp_path, figures):
    classes = ClassColours(
        ('wall', 'sky', 'tree'), ((10, 20, 30), (0, 0, 250), (0, 250, 0))
    )
    labels = np.array([[0, 2, 2, 255]])
    image = np.full((1, 4, 3), 100, np.uint8)

    plot_contact_sheet(
        [Tile(image, labels, 'x')],
        tmp_path / 'x.png',
        heading='one',
        classes=classes,
    )

    # Two fifths of the image, three of the colour.
    shown = np.asarray(figures[-1].axes[0].images[0].get_array())
    assert shown[0].tolist() == [
        [46, 52, 58],
        [40, 190, 40],
        [40, 190, 40],
        [130, 130, 130],
    ]
    (legend,) = figures[-1].legends
    assert [text.get_text() for text in legend.get_texts()] == ['tree', 'wall']


def test_foreground_share_leaves_out_what_is_ignored():
    labels = np.array([[0, 1, 255, 255]])
    assert foreground_share(labels) == 0.5
    assert foreground_share(labels[:, 2:]) == 0.0


def test_tiles_without_outline(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    tiles = [Tile(image, np.full((8, 8), v), str(v)) for v in (0, 1, 255)]
    path = plot_contact_sheet(tiles, tmp_path / 'x.png', heading='three')
    assert cv2.imread(str(path)).shape[1] > 500


@pytest.mark.parametrize(
    'image',
    [np.zeros((8, 9, 3), np.uint8), np.zeros((8, 8, 3), np.float32)],
)
def test_tile_that_does_not_fit(image):
    with pytest.raises(ValueError, match='expected'):
        Tile(image, np.zeros((8, 8), int), 'x')


def test_no_tiles(tmp_path):
    with pytest.raises(ValueError, match='expected one or more images'):
        plot_contact_sheet([], tmp_path / 'x.png', heading='none')
