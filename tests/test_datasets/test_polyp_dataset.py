# Copyright (c) gps_seg contributors. Apache-2.0.
"""Missing files are named before training starts."""

import re

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from gps_seg.datasets import KvasirSEGDataset, PolypDataset
from gps_seg.datasets.conversion.kvasir_seg import convert_kvasir_seg

PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadAnnotations'},
    {'type': 'PackSegInputs'},
]


@pytest.fixture
def data_root(files, splits, tmp_path, write_zip):
    target = tmp_path / 'kvasir-seg'
    convert_kvasir_seg(write_zip(files), target, splits=splits)
    return target


def build(data_root, cls=KvasirSEGDataset, **kwargs):
    init_default_scope('mmseg')
    kwargs = {'ann_file': 'splits/train.txt', 'pipeline': PIPELINE} | kwargs
    return cls(data_root=str(data_root), **kwargs)


def test_reads_what_the_converter_wrote(data_root):
    dataset = build(data_root)
    assert len(dataset) == 3
    assert dataset.metainfo['classes'] == ('background', 'polyp')
    sample = dataset[1]
    assert sample['data_samples'].img_path.endswith('images/cju_b.jpg')
    labels = sample['data_samples'].gt_sem_seg.data[0].numpy()
    rows, columns = np.mgrid[:48, :64]
    disc = (rows - 21) ** 2 + (columns - 30) ** 2 < 10**2
    assert set(np.unique(labels)) == {0, 1}
    assert (labels != disc).mean() < 0.01  # JPEG noise along the outline


def test_registered_names():
    assert DATASETS.get('mmseg.KvasirSEGDataset') is KvasirSEGDataset
    assert DATASETS.get('mmseg.PolypDataset') is PolypDataset


def test_no_data_names_the_command(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        build(tmp_path / 'kvasir-seg')
    text = str(caught.value)
    assert 'splits/train.txt' in text
    assert (
        'python tools/dataset_converters/kvasir_seg.py kvasir-seg.zip '
        f'{tmp_path / "kvasir-seg"}'
    ) in text


def test_no_data_of_another_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'data/README.md') as caught:
        build(tmp_path, cls=PolypDataset)
    assert 'kvasir' not in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'what'),
    [('masks/cju_c.png', 'masks'), ('images/cju_a.jpg', 'images')],
)
def test_missing_file(data_root, name, what):
    (data_root / name).unlink()
    with pytest.raises(
        FileNotFoundError,
        match=rf'{what}: expected .*, missing 1 of 3, such as .*'
        rf'{name}',
    ):
        build(data_root)


def test_other_split_is_not_touched(data_root):
    (data_root / 'masks/cju_d.png').unlink()
    assert len(build(data_root)) == 3


def test_empty_split(data_root):
    (data_root / 'splits/train.txt').write_text('')
    with pytest.raises(ValueError, match='got an empty file'):
        build(data_root)


def store(root, id_, labels):
    Image.fromarray(labels).save(root / f'masks/{id_}.png')


def whiten(root, *ids):
    """Store the polyp as it is published: 255."""
    for id_ in ids:
        labels = np.asarray(Image.open(root / f'masks/{id_}.png'))
        store(root, id_, 255 * labels)


TRAIN = ('cju_a', 'cju_b', 'cju_c')


def test_white_polyps_are_refused_when_the_data_set_is_built(data_root):
    whiten(data_root, *TRAIN)
    with pytest.raises(ValueError, match=r'cju_a\.png: expected a pixel') as e:
        build(data_root)
    assert '3 mask(s) hold 0 and 255 alone' in str(e.value)
    assert 'tools/dataset_converters/polyps.py' in str(e.value)
    for test_mode in (False, True):
        assert len(build(data_root, ann_file='splits/val.txt')) == 1
        with pytest.raises(ValueError, match='expected a pixel'):
            build(data_root, cls=PolypDataset, test_mode=test_mode)


def test_one_mask_with_a_polyp_will_do(data_root):
    """Images without a polyp, with a border that is ignored, are legal."""
    whiten(data_root, 'cju_a', 'cju_b')
    assert len(build(data_root)) == 3


def test_a_set_without_polyps_is_legal(data_root):
    for id_ in TRAIN:
        store(data_root, id_, np.zeros((48, 64), np.uint8))
    assert len(build(data_root)) == 3


def test_only_the_masks_up_to_the_first_polyp_are_read(data_root):
    (data_root / 'masks/cju_b.png').write_bytes(b'')
    assert len(build(data_root)) == 3
    (data_root / 'masks/cju_a.png').write_bytes(b'')
    with pytest.raises(ValueError, match=r'cju_a\.png: expected an image'):
        build(data_root)


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        (
            np.zeros((48, 64, 3), np.uint8),
            r'one channel, got shape .48, 6',
        ),
        (np.full((48, 64), 200, np.uint8), r'labels 0\.\.1 or 255, got .200'),
    ],
)
def test_masks_that_are_pictures_are_refused(data_root, labels, message):
    store(data_root, 'cju_a', labels)
    with pytest.raises(ValueError, match=rf'cju_a\.png: expected {message}'):
        build(data_root)


def test_the_ignored_label_may_be_another(data_root):
    whiten(data_root, *TRAIN)
    with pytest.raises(ValueError, match=r'labels 0\.\.1 or 7, got \[255\]'):
        build(data_root, ignore_index=7)


@pytest.mark.parametrize('cut', [0, 40])
@pytest.mark.parametrize('name', ['images/cju_b.jpg', 'masks/cju_b.png'])
def test_a_file_that_cannot_be_decoded_is_named(data_root, name, cut):
    dataset = build(data_root)
    path = data_root / name
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises((ValueError, AssertionError), match=re.escape(name)):
        dataset[1]


def test_an_error_of_the_pipeline_names_the_files(data_root):
    def fail(sample):
        raise KeyError('scale')

    dataset = build(data_root, pipeline=[*PIPELINE[:2], fail])
    with pytest.raises(ValueError, match=r"cju_b\.png: .*KeyError: 'scale'"):
        dataset[1]


def test_a_mask_of_another_size_stops_the_training(data_root, repo_dir):
    file = repo_dir / 'configs/_base_/datasets/kvasir_seg.py'
    config = Config.fromfile(file)
    init_default_scope('mmseg')
    store(data_root, 'cju_b', np.ones((48, 60), np.uint8))
    store(data_root, 'cju_d', np.ones((40, 64), np.uint8))
    for name, index, id_ in (('train', 1, 'cju_b'), ('val', 0, 'cju_d')):
        dataset = config[f'{name}_dataloader'].dataset
        dataset.data_root = str(data_root)
        with pytest.raises(
            ValueError, match=rf'{id_}\.png: expected the shape of its image'
        ):
            DATASETS.build(dataset)[index]


def test_images_alone_will_do_without_labels(data_root):
    for mask in (data_root / 'masks').iterdir():
        mask.unlink()
    prefix = {'img_path': 'images'}
    assert len(build(data_root, data_prefix=prefix, test_mode=True)) == 3


def test_config_of_kvasir_seg(data_root, repo_dir):
    config = Config.fromfile(
        repo_dir / 'configs/_base_/datasets/kvasir_seg.py'
    )
    init_default_scope('mmseg')
    assert config.val_dataloader == config.test_dataloader
    assert not config.keys() & {'model', 'train_cfg', 'optim_wrapper'}
    for name, number in (('train', 3), ('val', 1)):
        dataset_cfg = config[f'{name}_dataloader'].dataset
        assert dataset_cfg.data_root == 'data/kvasir-seg'
        dataset_cfg.data_root = str(data_root)
        dataset = DATASETS.build(dataset_cfg)
        assert len(dataset) == number
        seen = [dataset[i % number] for i in range(40)]
        assert {tuple(s['inputs'].shape) for s in seen} == {(3, 252, 252)}
        labels = {
            int(value)
            for s in seen
            for value in s['data_samples'].gt_sem_seg.data.unique()
        }
        assert labels == ({0, 1, 255} if name == 'train' else {0, 1})
        sizes = {tuple(s['data_samples'].gt_sem_seg.shape) for s in seen}
        assert sizes == {(252, 252) if name == 'train' else (48, 64)}
