# Copyright (c) gps_seg contributors. Apache-2.0.
"""From a folder to samples: lists, the data set, and its masks."""

import json
import os

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from gps_seg.datasets import FolderDataset, LoadMask
from gps_seg.datasets.overview.splits import look_at, open_all
from gps_seg.datasets.own_folder import look, split, write_lists
from gps_seg.datasets.split_lists import SplitLists

THRESHOLD = {'kind': 'threshold', 'above': 127}
VALUES = {'kind': 'values', 'values': [0, 255], 'classes': [0, 1]}


@pytest.fixture
def drawn(folder):
    """Labels of six pairs of white on black, with names of their own."""
    labels = folder.fill(lambda labels: 255 * labels, 2)
    for index in range(6):
        mask = folder.masks / f'{index}.png'
        mask.rename(folder.masks / f'{index}_mask.png')
    return labels


def written(folder, target, **options):
    found = look(folder.images, folder.masks, classes=['polyp'], **options)
    splits = split(found)
    write_lists(found, splits, target)
    return found, splits


def build(found, target, **options):
    init_default_scope('mmseg')
    settings = {
        'images': found.images,
        'masks': found.masks,
        'ann_file': str(target / 'splits/train.txt'),
        'metainfo': {'classes': found.classes, 'palette': found.palette},
        'pipeline': [
            {'type': 'LoadImageFromFile'},
            {'type': 'LoadMask', 'rule': found.rule},
            {'type': 'PackSegInputs'},
        ],
    }
    return FolderDataset(**{**settings, **options})


def test_lists_have_the_files_of_the_split(folder, drawn, tmp_path):
    found, splits = written(folder, tmp_path / 'new')
    for name, pairs in splits.items():
        text = (tmp_path / f'new/splits/{name}.txt').read_text('utf-8')
        rows = [line.split('\t') for line in text.splitlines()]
        assert rows == [[p.image, p.mask] for p in pairs]
    assert not (tmp_path / 'new/splits/sequences.csv').exists()
    facts = json.loads((tmp_path / 'new/found.json').read_text('utf-8'))
    assert facts['rule'] == found.rule == VALUES
    assert facts['classes'][1]['name'] == 'polyp'
    assert facts['classes'][1]['num_images'] == 6
    assert facts['num_pairs'] == 6


def test_groups_are_written_where_comparisons_read_them(
    folder, drawn, tmp_path
):
    for index in range(6):
        for kind, name in (
            (folder.images, f'{index}.png'),
            (folder.masks, f'{index}_mask.png'),
        ):
            (kind / f'video{index // 2}').mkdir(exist_ok=True)
            (kind / name).rename(kind / f'video{index // 2}' / name)
    written(folder, tmp_path / 'new', groups='^(.+)/')
    groups = SplitLists.read(tmp_path / 'new/splits').groups
    assert groups == {str(n): f'video{n // 2}' for n in range(6)}


def test_nothing_is_overwritten(folder, drawn, tmp_path):
    found, splits = written(folder, tmp_path / 'new')
    before = (tmp_path / 'new/found.json').read_bytes()
    with pytest.raises(FileExistsError, match='found.json'):
        write_lists(found, splits, tmp_path / 'new')
    (tmp_path / 'new/found.json').unlink()
    with pytest.raises(FileExistsError, match='splits'):
        write_lists(found, splits, tmp_path / 'new')
    assert not (tmp_path / 'new/found.json').exists()
    assert before


def test_a_failure_leaves_nothing(folder, drawn, tmp_path, monkeypatch):
    from gps_seg.datasets.own_folder import lists

    def fail(*arguments):
        raise OSError('disk')

    found = look(folder.images, folder.masks)
    splits = split(found)
    for function in ('write_json', 'write_groups'):
        with monkeypatch.context() as patch:
            patch.setattr(lists, function, fail)
            with pytest.raises(OSError, match='disk'):
                write_lists(found, splits, tmp_path / 'new')
        assert list((tmp_path / 'new').iterdir()) == []


def test_a_name_with_a_tab_is_refused(folder, drawn, tmp_path):
    found = look(folder.images, folder.masks)
    splits = split(found)
    splits['val'][0] = splits['val'][0]._replace(image='a\tb.png')
    with pytest.raises(ValueError, match='without tabs'):
        write_lists(found, splits, tmp_path / 'new')
    assert not (tmp_path / 'new').exists()


def test_samples_have_the_classes_that_were_drawn(folder, drawn, tmp_path):
    found, splits = written(folder, tmp_path / 'new')
    dataset = build(found, tmp_path / 'new')
    assert len(dataset) == 5
    assert dataset.metainfo['classes'] == ('background', 'polyp')
    for index, pair in enumerate(splits['train']):
        sample = dataset[index]
        truth = sample['data_samples'].gt_sem_seg.data[0].numpy()
        np.testing.assert_array_equal(truth, drawn[int(pair.name)])
        stored = np.asarray(Image.open(folder.images / pair.image))
        rgb = sample['inputs'].numpy().transpose(1, 2, 0)[..., ::-1]
        np.testing.assert_array_equal(rgb, stored)


def test_a_test_pipeline_keeps_the_size_of_the_mask(folder, drawn, tmp_path):
    found, splits = written(folder, tmp_path / 'new')
    steps = [
        {'type': 'LoadImageFromFile'},
        {'type': 'Resize', 'scale': (32, 32)},
        {'type': 'LoadMask', 'rule': found.rule},
        {'type': 'PackSegInputs'},
    ]
    sample = build(found, tmp_path / 'new', pipeline=steps)[0]
    assert sample['inputs'].shape[1:] != (48, 64)
    truth = sample['data_samples'].gt_sem_seg.data[0].numpy()
    name = splits['train'][0].name
    np.testing.assert_array_equal(truth, drawn[int(name)])


def test_a_training_pipeline_resizes_the_mask(folder, drawn, tmp_path):
    found, _ = written(folder, tmp_path / 'new')
    steps = [
        {'type': 'LoadImageFromFile'},
        {'type': 'LoadMask', 'rule': found.rule},
        {'type': 'Resize', 'scale': (32, 24), 'keep_ratio': False},
        {'type': 'PackSegInputs'},
    ]
    sample = build(found, tmp_path / 'new', pipeline=steps)[0]
    truth = sample['data_samples'].gt_sem_seg.data[0]
    assert truth.shape == (24, 32) and set(truth.unique().tolist()) == {0, 1}


def test_both_are_registered():
    assert DATASETS.get('mmseg.FolderDataset') is FolderDataset
    assert TRANSFORMS.get('mmseg.LoadMask') is LoadMask


def test_an_image_without_a_mask_passes(folder, drawn, tmp_path):
    found, _ = written(folder, tmp_path / 'new')
    dataset = build(found, tmp_path / 'new', masks=None, test_mode=True)
    assert 'gt_sem_seg' not in dataset[0]['data_samples']


@pytest.mark.parametrize('kind', ['images', 'masks'])
def test_missing_files_are_named_at_once(folder, drawn, tmp_path, kind):
    found, splits = written(folder, tmp_path / 'new')
    pair = splits['train'][1]
    missing = getattr(folder, kind) / getattr(pair, kind[:-1])
    missing.unlink()
    with pytest.raises(FileNotFoundError, match=rf'{kind}: .* 1 of 5') as e:
        build(found, tmp_path / 'new')
    assert str(missing) in str(e.value)


def test_a_list_that_is_none(folder, drawn, tmp_path):
    found, _ = written(folder, tmp_path / 'new')
    path = tmp_path / 'new/splits/train.txt'
    path.write_text('0.png\t0_mask.png\n1.png\n')
    with pytest.raises(ValueError, match=r"got '1.png' .*train.txt, line 2"):
        build(found, tmp_path / 'new')
    path.write_text('\n')
    with pytest.raises(ValueError, match='got an empty file'):
        build(found, tmp_path / 'new')
    path.unlink()
    with pytest.raises(FileNotFoundError, match='split list: expected the'):
        build(found, tmp_path / 'new')
    with pytest.raises(ValueError, match='metainfo: expected the names'):
        build(found, tmp_path / 'new', metainfo={})


def test_the_check_of_a_config_reads_masks_by_their_rule(
    folder, drawn, tmp_path
):
    found, splits = written(folder, tmp_path / 'new')
    settings = {
        'type': 'FolderDataset',
        'images': found.images,
        'masks': found.masks,
        'ann_file': str(tmp_path / 'new/splits/train.txt'),
        'metainfo': {'classes': found.classes, 'palette': found.palette},
        'pipeline': [{'type': 'LoadMask', 'rule': found.rule}],
    }
    sets = look_at({'train_dataloader': {'dataset': settings}})
    (facts,) = open_all(sets, ignored=255)
    assert facts.problems == []
    polyp = sum(drawn[int(pair.name)].sum() for pair in splits['train'])
    assert facts.pixels[1] == polyp and facts.images[1] == 5
    folder.mask(splits['train'][2].mask, np.full((48, 64), 9, np.uint8))
    (facts,) = open_all(sets, ignored=255)
    (problem,) = facts.problems
    assert splits['train'][2].mask in problem and 'got 9' in problem


def load(path, rule, **sample):
    sample = {'seg_map_path': os.fspath(path), 'seg_fields': []} | sample
    return LoadMask(rule)(sample)['gt_seg_map']


@pytest.mark.parametrize(
    ('rule', 'pixels', 'words'),
    [
        (VALUES, [[0, 7]], 'expected the values 0, 255, got 7'),
        (VALUES, [[[255, 0, 0]]], 'expected grey or labels, got colours'),
        (
            {'kind': 'colours', 'colours': [[0, 0, 0]], 'classes': [0]},
            [[[0, 0, 0], [255, 0, 1]]],
            'expected the colours #000000, got #ff0001',
        ),
        (
            {
                'kind': 'nearest_colours',
                'colours': [[0, 0, 0]],
                'classes': [0],
            },
            np.full((9, 9, 3), (0, 200, 0)),
            'in patches of others, such as #00c800',
        ),
        (THRESHOLD, np.full((9, 9), 128), 'in patches of grey'),
    ],
)
def test_what_the_rule_does_not_name_is_an_error(
    tmp_path, rule, pixels, words
):
    path = tmp_path / 'odd.png'
    Image.fromarray(np.array(pixels, np.uint8)).save(path)
    with pytest.raises(ValueError, match='odd.png: ') as caught:
        load(path, rule)
    assert words in str(caught.value)


def test_other_bad_masks_are_named(tmp_path):
    path = tmp_path / 'odd.png'
    Image.new('L', (4, 3)).save(path)
    with pytest.raises(ValueError, match='odd.png: expected the size of its'):
        load(path, VALUES, ori_shape=(4, 3))
    path.write_bytes(b'no')
    with pytest.raises(ValueError, match='odd.png: expected an image file'):
        load(path, VALUES)


@pytest.mark.parametrize(
    'rule',
    [
        None,
        {},
        {'kind': 'magic'},
        {'kind': 'threshold'},
        {**THRESHOLD, 'below': 3},
        {'kind': 'values', 'values': [0, 1], 'classes': [0]},
    ],
)
def test_what_is_no_rule(rule):
    with pytest.raises(ValueError, match='rule: expected'):
        LoadMask(rule)
