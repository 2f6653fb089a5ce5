# Copyright (c) gps_seg contributors. Apache-2.0.
"""Miniatures of the classification data sets, in their official layouts.

Images are empty files: the readers of the lists only check that they exist.
"""

from pathlib import Path

import mat4py
import numpy as np
import scipy.io


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def write_lines(path: Path, lines) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{line}\n' for line in lines))


def make_cub(root: Path) -> None:
    """Six images: four for training (classes 1, 1, 2, 3), two for testing."""
    classes = (1, 1, 2, 3, 1, 2)
    paths = [f'{c:03d}.bird/{n}.jpg' for n, c in enumerate(classes)]
    for path in paths:
        touch(root / 'images' / path)
    write_lines(root / 'images.txt', enumerated(paths))
    write_lines(root / 'image_class_labels.txt', enumerated(classes))
    write_lines(root / 'train_test_split.txt', enumerated((1, 1, 1, 1, 0, 0)))


def make_nabirds(root: Path) -> None:
    """Five images of the classes 9, 30 and 817 in a tree of six classes."""
    birds = {
        'aa-01': ('0817/a.jpg', 817, 1),
        'bb-02': ('0009/b.jpg', 9, 1),
        'cc-03': ('0030/c.jpg', 30, 1),
        'dd-04': ('0030/d.jpg', 30, 0),
        'ee-05': ('0817/e.jpg', 817, 0),
    }
    for path, _, _ in birds.values():
        touch(root / 'images' / path)
    columns = list(zip(*birds.values(), strict=True))
    for name, column in zip(
        ('images', 'image_class_labels', 'train_test_split'),
        columns,
        strict=True,
    ):
        lines = [f'{b} {v}' for b, v in zip(birds, column, strict=True)]
        write_lines(root / f'{name}.txt', lines)
    names = {0: 'Birds', 1: 'Ducks', 9: 'Wood Duck (Male)', 30: 'Brant'}
    names |= {2: 'Hawks', 817: 'Osprey'}
    write_lines(root / 'classes.txt', (f'{k} {v}' for k, v in names.items()))


def make_dogs(root: Path) -> None:
    """Three training images and one test image of three breeds."""
    files = {
        'train': {
            'n02085620-Chihuahua/n02085620_1.jpg': 1,
            'n02085782-Japanese_spaniel/n02085782_2.jpg': 2,
            'n02116738-African_hunting_dog/n02116738_3.jpg': 3,
        },
        'test': {'n02085782-Japanese_spaniel/n02085782_9.jpg': 2},
    }
    for split, labels in files.items():
        for file in labels:
            touch(root / 'Images' / file)
        write_dog_list(root / f'{split}_list.mat', labels)


def write_dog_list(path: Path, labels) -> None:
    """Write a column of cells and a column of doubles, as MATLAB does."""
    cells = np.empty((len(labels), 1), object)
    cells[:, 0] = list(labels)
    values = np.array([list(labels.values())], float).T
    scipy.io.savemat(path, {'file_list': cells, 'labels': values})


def make_flowers(root: Path, labels=(2, 1, 3, 1, 2, 3, 1, 3)) -> None:
    """Eight images: 2 for training, 2 for validation, 4 for testing."""
    for number in range(1, len(labels) + 1):
        touch(root / f'jpg/image_{number:05d}.jpg')
    mat4py.savemat(str(root / 'imagelabels.mat'), {'labels': list(labels)})
    ids = {'trnid': [8, 1], 'valid': [3, 4], 'tstid': [2, 5, 6, 7]}
    mat4py.savemat(str(root / 'setid.mat'), ids)


def make_cars(root: Path, labels=(14, 3, 196, 1)) -> None:
    """The layout with one folder: two training and two test images."""
    names = [f'car_ims/{n:06d}.jpg' for n in range(1, len(labels) + 1)]
    for name in names:
        touch(root / name)
    cars = {
        'relative_im_path': names,
        'class': list(labels),
        'test': [0, 1, 0, 1],
    }
    mat4py.savemat(str(root / 'cars_annos.mat'), {'annotations': cars})


def make_cars_devkit(root: Path) -> None:
    """The layout with two folders: the same images under other names."""
    files = {'train': 'cars_train_annos', 'test': 'cars_test_annos_withlabels'}
    (root / 'devkit').mkdir(parents=True)
    for split, file in files.items():
        names = ['00001.jpg', '00002.jpg']
        for name in names:
            touch(root / f'cars_{split}' / name)
        cars = {'fname': names, 'class': [14, 196]}
        path = root / f'devkit/{file}.mat'
        mat4py.savemat(str(path), {'annotations': cars})


def make_vtab_task(root: Path) -> None:
    """A task with two training images, one held out, and two test images."""
    lists = {
        'train800': ['images/train/a b.jpg 4', 'images/train/b.jpg 0'],
        'val200': ['images/val/c.jpg 46'],
        'test': ['images/test/d.jpg 1', 'images/test/e.jpg 2'],
    }
    lists['train800val200'] = lists['train800'] + lists['val200']
    for name, lines in lists.items():
        write_lines(root / f'{name}.txt', lines)
        for line in lines:
            touch(root / line.rpartition(' ')[0])


def enumerated(values):
    return [f'{number} {value}' for number, value in enumerate(values, 1)]
