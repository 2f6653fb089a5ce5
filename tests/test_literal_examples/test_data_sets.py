# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets of configs, on small trees in their layouts, and converters."""

import zipfile
from pathlib import Path

import classification_sets as sets
import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image

from gps_seg.datasets import (
    CUB200,
    CheckedADE20KDataset,
    NABirds,
    OxfordFlowers,
    StanfordCars196,
    StanfordDogs,
    VTAB1k,
    check_ade20k,
    convert_ade20k,
    convert_flowers102,
    convert_pranet,
)
from gps_seg.datasets.conversion import ade20k_layout, flowers102, pranet
from gps_seg.datasets.split_lists import SplitLists

ADE = Path('data/ade/ADEChallengeData2016')
ADE_PAIRS = {'training': 2, 'validation': 1}
POLYPS = dict.fromkeys(pranet.OFFICIAL, 2)


def built(names, **changes):
    """The data set of an example, as a runner builds it."""
    return DATASETS.build(names['train_dataloader']['dataset'] | changes)


@pytest.fixture
def _classification():
    init_default_scope('mmpretrain')


@pytest.mark.usefixtures('_classification')
class TestClassification:
    """The trees have fewer images than were published."""

    def test_cub(self, run):
        sets.make_cub(Path('data/CUB_200_2011'))
        assert len(built(run(CUB200), check_size=False)) == 4

    def test_nabirds(self, run):
        sets.make_nabirds(Path('data/nabirds'))
        assert len(built(run(NABirds), check_size=False)) == 3

    def test_flowers(self, run):
        sets.make_flowers(Path('data/flowers102'))
        assert len(built(run(OxfordFlowers), check_size=False)) == 2

    def test_cars(self, run):
        sets.make_cars(Path('data/stanford_cars'))
        assert len(built(run(StanfordCars196), check_size=False)) == 2

    def test_dogs(self, run):
        sets.make_dogs(Path('data/stanford_dogs'))
        assert len(built(run(StanfordDogs), check_size=False)) == 3

    def test_vtab(self, run):
        sets.make_vtab_task(Path('data/vtab-1k/cifar'))
        assert len(built(run(VTAB1k), check_size=False)) == 3


def picture(path, high=255, channels=3):
    """Write an image of noise, or a mask of labels up to ``high``."""
    rng = np.random.default_rng([*str(path).encode()])
    shape = (24, 32, channels) if channels > 1 else (24, 32)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, high, shape, np.uint8)).save(path)


def draw_ade20k(root):
    for split, number in ADE_PAIRS.items():
        for index in range(number):
            picture(root / f'images/{split}/{index}.jpg')
            picture(root / f'annotations/{split}/{index}.png', 150, 1)


def zip_of(folder, path):
    with zipfile.ZipFile(path, 'w') as archive:
        for file in sorted(folder.rglob('*.*')):
            archive.write(file, file.relative_to(folder.parent))


@pytest.fixture
def few_pairs(monkeypatch):
    """Let three pairs be all of ADE20K."""
    monkeypatch.setattr(ade20k_layout, 'OFFICIAL', ADE_PAIRS)


def test_ade20k(run):
    init_default_scope('mmseg')
    draw_ade20k(ADE)
    dataset = built(run(CheckedADE20KDataset), num_pairs=2)
    files = sorted(dataset.get_data_info(i)['img_path'] for i in range(2))
    assert files == sorted(map(str, ADE.glob('images/training/*.jpg')))


def test_check_ade20k(run, few_pairs, capsys):
    draw_ade20k(ADE)
    run(check_ade20k)
    told = capsys.readouterr().out
    assert '2 training, 1 validation; numbers checked' in told


def test_convert_ade20k(run, few_pairs, capsys):
    draw_ade20k(Path('ADEChallengeData2016'))
    zip_of(Path('ADEChallengeData2016'), 'ADEChallengeData2016.zip')
    report = run(convert_ade20k)['report']
    assert report.num_pairs == ADE_PAIRS
    assert capsys.readouterr().out == f'{report.text()}\n'
    assert len(list(ADE.rglob('*.png'))) == 3


def test_convert_flowers102(run, monkeypatch):
    source = Path('source')
    sets.make_flowers(source)
    for path in source.glob('jpg/*.jpg'):
        picture(path)
    zip_of(source, 'flowers102.zip')
    whole = flowers102.split_sizes
    monkeypatch.setattr(
        flowers102, 'split_sizes', lambda folder, _: whole(folder, False)
    )
    assert run(convert_flowers102)['sizes'] == dict(train=2, val=2, test=4)
    assert len(list(Path('data/flowers102/jpg').iterdir())) == 8


@pytest.fixture
def few_polyps(monkeypatch):
    """Let two pairs in each set be all of PraNet's."""
    lists = SplitLists({'all': '01', 'train': '0', 'val': '1'})
    monkeypatch.setattr(pranet, 'OFFICIAL', POLYPS)
    monkeypatch.setattr(SplitLists, 'of_record', lambda _: lists)


def draw_polyps(folder, number, s=''):
    for index in range(number):
        picture(folder / f'image{s}/{index}.png')
        mask = folder / f'mask{s}/{index}.png'
        mask.parent.mkdir(exist_ok=True)
        square = np.zeros((24, 32), np.uint8)
        square[4:12, 6:14] = 255
        Image.fromarray(square).save(mask)


def test_convert_pranet(run, few_polyps, capsys):
    train, *tests = POLYPS
    draw_polyps(Path('TrainDataset'), POLYPS[train])
    for name in tests:
        draw_polyps(Path('TestDataset', name), POLYPS[name], 's')
    for name in ('TrainDataset', 'TestDataset'):
        zip_of(Path(name), f'{name}.zip')
    report = run(convert_pranet)['report']
    assert capsys.readouterr().out == f'{report.text()}\n'
    for name, number in POLYPS.items():
        masks = Path('data/pranet', name, 'masks').iterdir()
        assert len(list(masks)) == number
