"""The FGVC sets, each on a miniature of its official layout."""

from dataclasses import replace
from pathlib import Path

import classification_sets as sets
import pytest
import scipy.io

from gps_seg.datasets import (
    CUB200,
    NABirds,
    OxfordFlowers,
    StanfordCars196,
    StanfordDogs,
)

# Miniature, data set, and what each split of it should be.
CASES = {
    'cub': (
        sets.make_cub,
        CUB200,
        {
            'train': {'0': 0, '1': 0, '2': 1, '3': 2},
            'test': {'4': 0, '5': 1},
        },
    ),
    'nabirds': (
        sets.make_nabirds,
        NABirds,
        {'train': {'a': 2, 'b': 0, 'c': 1}, 'test': {'d': 1, 'e': 2}},
    ),
    'dogs': (
        sets.make_dogs,
        StanfordDogs,
        {
            'train': {'n02085620_1': 0, 'n02085782_2': 1, 'n02116738_3': 2},
            'test': {'n02085782_9': 1},
        },
    ),
    'flowers': (
        sets.make_flowers,
        OxfordFlowers,
        {
            'train': {'image_00008': 2, 'image_00001': 1},
            'val': {'image_00003': 2, 'image_00004': 0},
            'test': {
                'image_00002': 0,
                'image_00005': 1,
                'image_00006': 2,
                'image_00007': 0,
            },
        },
    ),
    'cars': (
        sets.make_cars,
        StanfordCars196,
        {
            'train': {'000001': 13, '000003': 195},
            'test': {'000002': 2, '000004': 0},
        },
    ),
    'cars_devkit': (
        sets.make_cars_devkit,
        StanfordCars196,
        {
            'train': {'00001': 13, '00002': 195},
            'test': {'00001': 13, '00002': 195},
        },
    ),
}


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    make, dataset, splits = CASES[request.param]
    make(tmp_path)
    return tmp_path, dataset, splits


def labels_of(dataset):
    infos = map(dataset.get_data_info, range(len(dataset)))
    return {Path(i['img_path']).stem: i['gt_label'] for i in infos}


def test_every_split_has_its_images_and_labels(case):
    root, dataset, splits = case
    for split, expected in splits.items():
        built = dataset(data_root=str(root), split=split, check_size=False)
        assert labels_of(built) == expected
        assert all(
            Path(built.get_data_info(i)['img_path']).is_file()
            for i in range(len(built))
        )


def test_the_published_sizes_are_required(case, monkeypatch):
    root, dataset, splits = case
    with pytest.raises(ValueError, match=r'expected \d+ images, got'):
        dataset(data_root=str(root), split='train')
    sizes = {split: len(labels) for split, labels in splits.items()}
    facts = replace(dataset.facts, sizes=sizes)
    monkeypatch.setattr(dataset, 'facts', facts)
    for split in splits:
        dataset(data_root=str(root), split=split)


def test_a_label_out_of_range_stops(case, monkeypatch):
    root, dataset, _ = case
    facts = replace(dataset.facts, num_classes=1)
    monkeypatch.setattr(dataset, 'facts', facts)
    with pytest.raises(ValueError, match='expected labels from 0 to 0, got'):
        dataset(data_root=str(root), split='train', check_size=False)


def test_an_absent_image_stops(case):
    root, dataset, splits = case
    for split in splits:
        built = dataset(data_root=str(root), split=split, check_size=False)
        image = Path(built.get_data_info(0)['img_path'])
        image.unlink()
        with pytest.raises(
            FileNotFoundError,
            match=rf'missing 1 of {len(built)}, such as .*{image.name}',
        ) as caught:
            dataset(data_root=str(root), split=split, check_size=False)
        assert 'http' in str(caught.value)  # says what to download


def test_an_absent_list_stops(case):
    root, dataset, _ = case
    lists = [p for p in root.rglob('*') if p.suffix in ('.txt', '.mat')]
    for path in lists:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(FileNotFoundError, match=path.name) as caught:
            dataset(data_root=str(root), split='train', check_size=False)
        assert 'http' in str(caught.value)
        path.write_bytes(content)


def test_an_unknown_split_stops(case):
    root, dataset, _ = case
    with pytest.raises(ValueError, match='expected one of train, '):
        dataset(data_root=str(root), split='training')


def test_flowers_are_trained_on_train_and_val(tmp_path):
    sets.make_flowers(tmp_path)
    built = OxfordFlowers(str(tmp_path), 'trainval', check_size=False)
    assert labels_of(built).keys() == {f'image_{n:05d}' for n in (8, 1, 3, 4)}


def test_names_of_the_classes_stand_where_their_labels_say(tmp_path):
    sets.make_nabirds(tmp_path / 'birds')
    birds = NABirds(str(tmp_path / 'birds'), 'train', check_size=False)
    assert birds.metainfo['classes'] == ('Wood Duck (Male)', 'Brant', 'Osprey')
    sets.make_dogs(tmp_path / 'dogs')
    dogs = StanfordDogs(str(tmp_path / 'dogs'), 'train', check_size=False)
    assert dogs.metainfo['classes'] == (
        'Chihuahua',
        'Japanese_spaniel',
        'African_hunting_dog',
    )


def test_a_test_set_without_a_class_has_the_same_labels(tmp_path):
    """Labels are ranks among all classes, not among those of the split."""
    sets.make_nabirds(tmp_path)
    test = NABirds(str(tmp_path), 'test', check_size=False)
    assert labels_of(test) == {'d': 1, 'e': 2}


@pytest.mark.parametrize(
    ('line', 'problem'),
    [
        ('ff-06', 'ff-06'),
        ('aa-01 0001/again.jpg', 'aa-01 0001/again'),
        ('ff-06 0001/f.jpg', '6, 5 and 5'),
    ],
)
def test_damaged_lists_of_birds_stop(tmp_path, line, problem):
    sets.make_nabirds(tmp_path)
    with (tmp_path / 'images.txt').open('a') as file:
        file.write(f'{line}\n')
    with pytest.raises(ValueError, match=problem):
        NABirds(str(tmp_path), 'train', check_size=False)


@pytest.mark.parametrize('name', ['imagelabels.mat', 'setid.mat'])
@pytest.mark.parametrize('length', [0, 126, 150, -9])
def test_damaged_lists_of_flowers_stop(tmp_path, name, length):
    sets.make_flowers(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match='expected lists that can be read'):
        OxfordFlowers(str(tmp_path), 'train', check_size=False)


def test_damaged_lists_of_cub_stop(tmp_path):
    sets.make_cub(tmp_path)
    (tmp_path / 'image_class_labels.txt').write_text('1\n')
    with pytest.raises(ValueError, match=r'CUB-200-2011: expected lists that'):
        CUB200(str(tmp_path), 'train', check_size=False)


def test_dogs_without_a_label_stop(tmp_path):
    sets.make_dogs(tmp_path)
    path = tmp_path / 'train_list.mat'
    lists = scipy.io.loadmat(path)
    lists['labels'] = lists['labels'][:2]
    scipy.io.savemat(
        path, {k: v for k, v in lists.items() if not k.startswith('__')}
    )
    with pytest.raises(ValueError, match='3 files and 2 labels'):
        StanfordDogs(str(tmp_path), 'train', check_size=False)


def test_the_sizes_are_those_of_the_official_splits():
    """Training sets of the VPT protocol: train and val together."""
    sizes = {
        dataset: (*dataset.facts.sizes.values(), dataset.facts.num_classes)
        for dataset in (CUB200, NABirds, StanfordDogs, StanfordCars196)
    }
    assert sizes == {
        CUB200: (5394 + 600, 5794, 200),
        NABirds: (21536 + 2393, 24633, 555),
        StanfordDogs: (10800 + 1200, 8580, 120),
        StanfordCars196: (7329 + 815, 8041, 196),
    }
