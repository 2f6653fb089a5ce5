# Copyright (c) gps_seg contributors. Apache-2.0.
"""Missing files are named before training starts."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from gps_seg.datasets import KvasirSEGDataset, PolypDataset
from gps_seg.datasets.kvasir_seg_converter import convert_kvasir_seg

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
        'python tools/dataset_converters/kvasir_seg.py ARCHIVE_OR_FOLDER '
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
        match=rf'{what}: expected 3 file\(s\), missing 1, the first is .*'
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
