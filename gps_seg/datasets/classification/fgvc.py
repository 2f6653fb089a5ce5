# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets of fine-grained classification that MMPretrain can read.

The PEFT literature trains on the official training sets. (VPT holds out a
tenth to choose learning rates, then trains on all of it.) So the official
splits are all that is needed.
"""

from pathlib import Path
from typing import Any

from mmpretrain.datasets import CUB, Flowers102, StanfordCars
from mmpretrain.registry import DATASETS

from gps_seg.datasets.classification.checked import Checked
from gps_seg.datasets.classification.checks import Facts
from gps_seg.datasets.classification.flowers102_lists import (
    read_labels,
    read_official_split,
)


@DATASETS.register_module()
class CUB200(Checked, CUB):
    """CUB-200-2011, the official split.

    The layout is that of the archive::

        data/CUB_200_2011
        ├── images/<class>/<image>.jpg
        ├── images.txt
        ├── image_class_labels.txt
        └── train_test_split.txt

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='CUB200', data_root='data/CUB_200_2011', split='train'
            )
        )
    """

    facts = Facts(
        title='CUB-200-2011',
        num_classes=200,
        sizes={'train': 5994, 'test': 5794},
        layouts=(
            (
                'images',
                'images.txt',
                'image_class_labels.txt',
                'train_test_split.txt',
            ),
        ),
        source=(
            'Get CUB_200_2011.tgz from https://data.caltech.edu/records/'
            '65de6-vp158 and unpack it below data/.'
        ),
    )


class _ReadableFlowers(Flowers102):
    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples as MMPretrain reads them, after a check of the lists."""
        labels = read_labels(Path(self.ann_file).read_bytes())
        split = Path(self.train_test_split_file).read_bytes()
        read_official_split(split, len(labels))
        samples: list[dict[str, Any]] = super().load_data_list()
        return samples


@DATASETS.register_module()
class OxfordFlowers(Checked, _ReadableFlowers):
    """Oxford Flowers-102, the official split.

    The three downloads are put into one folder::

        data/flowers102
        ├── jpg/image_00001.jpg ...
        ├── imagelabels.mat
        └── setid.mat

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='OxfordFlowers',
                data_root='data/flowers102',
                split='train',
            )
        )
    """

    facts = Facts(
        title='Oxford Flowers-102',
        num_classes=102,
        sizes={'train': 1020, 'val': 1020, 'trainval': 2040, 'test': 6149},
        layouts=(('jpg', 'imagelabels.mat', 'setid.mat'),),
        source=(
            'Get 102flowers.tgz, imagelabels.mat and setid.mat from '
            'https://www.robots.ox.ac.uk/~vgg/data/flowers/102/ into one '
            'folder, unpack the archive there, then run: python '
            'tools/dataset_converters/flowers102.py FOLDER data/flowers102 '
            '(see docs/classification.md).'
        ),
    )


@DATASETS.register_module()
class StanfordCars196(Checked, StanfordCars):
    """Stanford Cars, the official split.

    Both layouts of the authors can be read::

        data/stanford_cars              data/stanford_cars
        ├── car_ims/000001.jpg ...      ├── cars_train/00001.jpg ...
        └── cars_annos.mat              ├── cars_test/00001.jpg ...
                                        └── devkit
                                            ├── cars_train_annos.mat
                                            └── cars_test_annos_withlabels.mat

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='StanfordCars196',
                data_root='data/stanford_cars',
                split='train',
            )
        )
    """

    facts = Facts(
        title='Stanford Cars',
        num_classes=196,
        sizes={'train': 8144, 'test': 8041},
        layouts=(
            ('car_ims', 'cars_annos.mat'),
            (
                'cars_train',
                'cars_test',
                'devkit/cars_train_annos.mat',
                'devkit/cars_test_annos_withlabels.mat',
            ),
        ),
        source=(
            'The page of the authors (https://ai.stanford.edu/~jkrause/cars/'
            'car_dataset.html) has been offline; get a mirror of the '
            'original archives and put them into data/stanford_cars.'
        ),
    )
