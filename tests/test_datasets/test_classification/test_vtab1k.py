"""VTAB-1k on a miniature of its layout."""

from dataclasses import replace
from pathlib import Path

import classification_sets as sets
import pytest

from gps_seg.datasets import VTAB1k
from gps_seg.datasets.classification import VTAB_TASKS, vtab1k


@pytest.fixture
def root(tmp_path):
    sets.make_vtab_task(tmp_path / 'dtd')
    return tmp_path


def build(root, split, **options):
    return VTAB1k(
        **{'data_root': str(root), 'task': 'dtd', 'check_size': False}
        | options,
        split=split,
    )


def samples_of(dataset):
    infos = map(dataset.get_data_info, range(len(dataset)))
    return [(i['img_path'], i['gt_label']) for i in infos]


@pytest.mark.parametrize(
    ('split', 'expected'),
    [
        ('train800', {'train/a b.jpg': 4, 'train/b.jpg': 0}),
        ('val200', {'val/c.jpg': 46}),
        (
            'train800val200',
            {'train/a b.jpg': 4, 'train/b.jpg': 0, 'val/c.jpg': 46},
        ),
        ('test', {'test/d.jpg': 1, 'test/e.jpg': 2}),
    ],
)
def test_the_lists_are_read(root, split, expected):
    assert samples_of(build(root, split)) == [
        (str(root / 'dtd/images' / name), label)
        for name, label in expected.items()
    ]


def test_the_folder_may_have_another_name(root):
    (root / 'dtd').rename(root / 'textures')
    assert len(build(root, 'test', folder='textures')) == 2


def test_the_published_sizes_are_required(root, monkeypatch):
    for split, size in {
        'train800': 800,
        'val200': 200,
        'train800val200': 1000,
        'test': 1880,
    }.items():
        with pytest.raises(ValueError, match=f'expected {size} images, got'):
            build(root, split, check_size=True)
    monkeypatch.setitem(vtab1k.LISTS, 'val200', 1)
    build(root, 'val200', check_size=True)


def test_a_label_that_the_task_does_not_have_stops(root):
    sets.write_lines(root / 'dtd/val200.txt', ['images/val/c.jpg 47'])
    with pytest.raises(ValueError, match='from 0 to 46, got 47 to 47'):
        build(root, 'val200')


def test_an_absent_image_stops(root):
    (root / 'dtd/images/test/e.jpg').unlink()
    with pytest.raises(
        FileNotFoundError, match=r'missing 1 of 2, such as .*e\.jpg'
    ):
        build(root, 'test')


def test_a_file_in_the_place_of_a_folder_has_no_images(root):
    (root / 'dtd/images/val/c.jpg').unlink()
    (root / 'dtd/images/val').rmdir()
    (root / 'dtd/images/val').touch()
    with pytest.raises(FileNotFoundError, match='missing 1 of 1'):
        build(root, 'val200')


def test_a_folder_in_the_place_of_an_image_is_none(root):
    (root / 'dtd/images/val/c.jpg').unlink()
    (root / 'dtd/images/val/c.jpg').mkdir()
    with pytest.raises(FileNotFoundError, match='missing 1 of 1'):
        build(root, 'val200')


def test_an_absent_list_says_what_to_download(root):
    (root / 'dtd/test.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'missing test\.txt') as e:
        build(root, 'test')
    assert 'data/vtab-1k' in str(e.value)
    build(root, 'train800')  # which does not need it


def test_all_problems_are_told_at_once(root):
    sets.write_lines(
        root / 'dtd/test.txt', ['images/x.jpg 99', 'images/x.jpg 99']
    )
    with pytest.raises(ValueError, match='VTAB-1k dtd') as caught:
        build(root, 'test', check_size=True)
    for part in ('1880 images, got 2', '99 to 99', '1 repeated', 'missing 2'):
        assert part in str(caught.value)


@pytest.mark.parametrize('line', ['images/a.jpg', 'images/a.jpg -1', '7', ''])
def test_a_line_that_is_no_sample_stops(root, line):
    sets.write_lines(root / 'dtd/test.txt', [line])
    with pytest.raises(ValueError, match='line 1|expected images, got none'):
        build(root, 'test')


@pytest.mark.parametrize(
    ('options', 'choices'),
    [
        ({'task': 'textures'}, 'smallnorb_ele'),
        ({'split': 'train'}, 'train800val200'),
    ],
)
def test_unknown_names_stop_with_the_legal_ones(root, options, choices):
    with pytest.raises(ValueError, match=choices):
        build(root, **{'split': 'test'} | options)


def test_the_tasks_are_those_of_the_paper():
    """The mean size of GPS on ViT-B/16, heads included, is published: .25 %.

    At k=1 it trains 83,712 connections and as many biases, and at k=2, for
    Camelyon, as many connections again.
    """
    assert len(VTAB_TASKS) == 19
    groups = [task.group for task in VTAB_TASKS.values()]
    sizes = {group: groups.count(group) for group in groups}
    assert sizes == {'natural': 7, 'specialized': 4, 'structured': 8}
    heads = sum(769 * task.num_classes for task in VTAB_TASKS.values())
    mean = (19 * 2 * 83_712 + 83_712 + heads) / 19
    assert round(mean) == 209_875
    assert 100 * mean / 85.8e6 == pytest.approx(0.25, abs=0.006)


def test_images_are_read_by_a_pipeline(root):
    import cv2
    import numpy as np

    image = np.full((6, 8, 3), 128, np.uint8)
    cv2.imwrite(str(root / 'dtd/images/val/c.jpg'), image)
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    from mmengine.registry import init_default_scope

    init_default_scope('mmpretrain')
    sample = build(root, 'val200', pipeline=pipeline)[0]
    assert sample['inputs'].shape == (3, 6, 8)
    assert sample['data_samples'].gt_label.tolist() == [46]
    assert Path(sample['data_samples'].img_path).name == 'c.jpg'


def test_facts_are_not_shared_between_data_sets(root):
    one, other = build(root, 'val200'), build(root, 'test')
    assert one.facts.layouts == (('val200.txt',),)
    assert other.facts == replace(one.facts, layouts=(('test.txt',),))
