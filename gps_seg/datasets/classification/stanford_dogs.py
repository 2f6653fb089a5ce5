# Copyright (c) gps_seg contributors. Apache-2.0.
"""Stanford Dogs: 120 breeds."""

from pathlib import Path
from typing import Any

import mat4py
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from gps_seg.datasets.classification.checked import Checked
from gps_seg.datasets.classification.checks import Facts


class _ListedDogs(BaseDataset):
    """Reader of the lists in the archive; :class:`Checked` checks them."""

    def __init__(self, data_root: str, split: str, **kwargs) -> None:
        self.split = split
        super().__init__(
            ann_file=f'{split}_list.mat',
            data_root=data_root,
            data_prefix='Images',
            **kwargs,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples of the split, labels counted from 0."""
        lists = mat4py.loadmat(self.ann_file)
        files = in_one_list(lists['file_list'])
        labels = in_one_list(lists['labels'])
        if len(files) != len(labels):
            raise ValueError(
                'list: expected a label for every file, got '
                f'{len(files)} files and {len(labels)} labels '
                f'({self.ann_file}). Unpack lists.tar again.'
            )
        self._metainfo.setdefault('classes', breeds(files, labels))
        return [
            {
                'img_path': str(Path(self.img_prefix, file)),
                'gt_label': int(label) - 1,
            }
            for file, label in zip(files, labels, strict=True)
        ]


@DATASETS.register_module()
class StanfordDogs(Checked, _ListedDogs):
    """Stanford Dogs, the official split.

    Both archives, ``images.tar`` and ``lists.tar``, are unpacked together::

        data/stanford_dogs
        ├── Images/<class>/<image>.jpg
        ├── train_list.mat
        └── test_list.mat

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='StanfordDogs',
                data_root='data/stanford_dogs',
                split='train',
            )
        )
    """

    facts = Facts(
        title='Stanford Dogs',
        num_classes=120,
        sizes={'train': 12000, 'test': 8580},
        layouts=(('Images', 'train_list.mat', 'test_list.mat'),),
        source=(
            'Get images.tar and lists.tar from '
            'http://vision.stanford.edu/aditya86/ImageNetDogs/ and unpack '
            'both into data/stanford_dogs.'
        ),
    )


def in_one_list(value: Any) -> list[Any]:
    """Items of a MATLAB column; mat4py reads a cell array as rows."""
    if not isinstance(value, list):
        return [value]
    return [item for part in value for item in in_one_list(part)]


def breeds(files: list[str], labels: list[float]) -> tuple[str, ...]:
    """Names of the breeds, from the folders: ``n02085620-Chihuahua/...``."""
    name_of = {
        int(label): Path(file).parent.name.partition('-')[2]
        for file, label in zip(files, labels, strict=True)
    }
    return tuple(name_of[label] for label in sorted(name_of))
