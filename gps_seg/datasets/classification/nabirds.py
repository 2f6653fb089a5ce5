# Copyright (c) gps_seg contributors. Apache-2.0.
"""NABirds: 555 kinds of North American birds."""

from pathlib import Path
from typing import Any

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from gps_seg.datasets.classification.checked import Checked
from gps_seg.datasets.classification.checks import Facts


class _ListedBirds(BaseDataset):
    """Reader of the lists in the archive; :class:`Checked` checks them."""

    def __init__(self, data_root: str, split: str, **kwargs) -> None:
        self.split = split
        super().__init__(
            ann_file='images.txt',
            data_root=data_root,
            data_prefix='images',
            **kwargs,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples of the split, labels counted from 0."""
        root = Path(self.data_root)
        paths = read_table(root / 'images.txt')
        classes = read_table(root / 'image_class_labels.txt')
        training = read_table(root / 'train_test_split.txt')
        require_same_keys(paths, classes, training, root)
        # The 1,011 classes form a tree; its 555 leaves have images.
        leaves = sorted(set(classes.values()), key=int)
        label_of = {number: label for label, number in enumerate(leaves)}
        names = read_table(root / 'classes.txt')
        self._metainfo.setdefault(
            'classes', tuple(names.get(number, number) for number in leaves)
        )
        wanted = '1' if self.split == 'train' else '0'
        return [
            {
                'img_path': str(Path(self.img_prefix, path)),
                'gt_label': label_of[classes[bird]],
            }
            for bird, path in paths.items()
            if training[bird] == wanted
        ]


@DATASETS.register_module()
class NABirds(Checked, _ListedBirds):
    """NABirds, the official split.

    The layout is that of the archive::

        data/nabirds
        ├── images/<class>/<image>.jpg
        ├── classes.txt
        ├── images.txt
        ├── image_class_labels.txt
        └── train_test_split.txt

    The label of a class is its rank among the numbers of the classes with
    images.

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='NABirds', data_root='data/nabirds', split='train'
            )
        )
    """

    facts = Facts(
        title='NABirds',
        num_classes=555,
        sizes={'train': 23929, 'test': 24633},
        layouts=(
            (
                'images',
                'classes.txt',
                'images.txt',
                'image_class_labels.txt',
                'train_test_split.txt',
            ),
        ),
        source=(
            'Get nabirds.tar.gz from https://dl.allaboutbirds.org/nabirds '
            '(after accepting the terms) and unpack it below data/.'
        ),
    )


def read_table(path: Path) -> dict[str, str]:
    """Keys and values of a file with lines ``<key> <value>``.

    Raises:
        ValueError: If a line has no value, or a key is repeated.
    """
    table: dict[str, str] = {}
    lines = path.read_text('utf-8').splitlines()
    for number, line in enumerate(lines, start=1):
        key, _, value = line.strip().partition(' ')
        if not key and not value:
            continue
        if not value or key in table:
            raise ValueError(
                'list: expected lines "<key> <value>", each key once, got '
                f'{line!r} ({path}, line {number}). Unpack the archive again.'
            )
        table[key] = value.strip()
    return table


def require_same_keys(
    paths: dict[str, str],
    classes: dict[str, str],
    training: dict[str, str],
    root: Path,
) -> None:
    """Raise ValueError unless all lists name the same images."""
    if not paths.keys() == classes.keys() == training.keys():
        raise ValueError(
            'lists: expected the same images in images.txt, '
            'image_class_labels.txt and train_test_split.txt, got '
            f'{len(paths)}, {len(classes)} and {len(training)} ({root}). '
            'Unpack the archive again.'
        )
