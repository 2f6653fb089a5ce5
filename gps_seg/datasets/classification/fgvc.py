# Copyright (c) gps_seg contributors. Apache-2.0.
"""The sets of fine-grained classification that MMPretrain can read.

The PEFT literature trains on the official training sets (VPT takes a tenth
away to choose rates, and puts it back), so the official splits are all that
is needed.
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
        """As MMPretrain reads them, from files that are known to be whole."""
        labels = read_labels(Path(self.ann_file).read_bytes())
        split = Path(self.train_test_split_file).read_bytes()
        read_official_split(split, len(labels))
        samples: list[dict[str, Any]] = super().load_data_list()
        return samples


@DATASETS.register_module()
class OxfordFlowers(Checked, _ReadableFlowers):
    """Oxford Flowers-102, the official split.

    The images and the two files are three downloads into one folder::

        data/flowers102
        ├── jpg/image_00001.jpg ...
        ├── imagelabels.mat
        └── setid.mat
    """

    facts = Facts(
        title='Oxford Flowers-102',
        num_classes=102,
        sizes={'train': 1020, 'val': 1020, 'trainval': 2040, 'test': 6149},
        layouts=(('jpg', 'imagelabels.mat', 'setid.mat'),),
        source=(
            'Get 102flowers.tgz, imagelabels.mat and setid.mat from '
            'https://www.robots.ox.ac.uk/~vgg/data/flowers/102/ and put jpg/ '
            'and the two files into data/flowers102.'
        ),
    )


@DATASETS.register_module()
class StanfordCars196(Checked, StanfordCars):
    """Stanford Cars, the official split.

    Either layout of the authors will do::

        data/stanford_cars              data/stanford_cars
        ├── car_ims/000001.jpg ...      ├── cars_train/00001.jpg ...
        └── cars_annos.mat              ├── cars_test/00001.jpg ...
                                        └── devkit
                                            ├── cars_train_annos.mat
                                            └── cars_test_annos_withlabels.mat
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
