# Copyright (c) gps_seg contributors. Apache-2.0.
"""VTAB-1k: 19 tasks of a thousand training images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from gps_seg.datasets.classification.checks import (
    Facts,
    check_samples,
    require_layout,
    require_split,
)
from gps_seg.datasets.classification.vtab_tasks import VTAB_TASKS

LISTS = {
    'train800': 800,
    'val200': 200,
    'train800val200': 1000,
}


def vtab_facts(task: str) -> Facts:
    """Published facts about a task of VTAB-1k.

    Raises:
        ValueError: If there is no such task.
    """
    if task not in VTAB_TASKS:
        raise ValueError(
            f'task: expected one of {", ".join(VTAB_TASKS)}, got {task!r} '
            '(VTAB1k).'
        )
    known = VTAB_TASKS[task]
    return Facts(
        title=f'VTAB-1k {task}',
        num_classes=known.num_classes,
        sizes={**LISTS, 'test': known.num_test},
        source=(
            'Get the archive vtab-1k that the NOAH code base links '
            f'(docs/classification.md) and put its folder {task}/, with the '
            'images and the lists, into data/vtab-1k.'
        ),
    )


@DATASETS.register_module()
class VTAB1k(BaseDataset):
    """One split of one task of VTAB-1k.

    The layout is that of the PEFT literature::

        data/vtab-1k
        └── <task>
            ├── images/...
            ├── train800.txt  val200.txt  train800val200.txt
            └── test.txt

    A line of a list is the path of an image, relative to the folder of the
    task, and its label, counted from 0.

    Args:
        data_root: Folder that contains the folders of the tasks.
        task: Name of a task, one of :data:`VTAB_TASKS`.
        split: ``'train800'``, ``'val200'``, ``'train800val200'`` or
            ``'test'``.
        folder: Folder of the task in ``data_root``; None if it is named after
            the task.
        check_size: Whether the number of images must be the published one.
        **kwargs: Arguments of MMPretrain's ``BaseDataset``.

    Raises:
        FileNotFoundError: If a list or an image is missing.
        ValueError: If there is no such task or split, or the list differs
            from the published one.

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='VTAB1k',
                data_root='data/vtab-1k',
                task='cifar',
                split='train800val200',
            )
        )
    """

    def __init__(
        self,
        data_root: str,
        task: str,
        split: str,
        folder: str | None = None,
        check_size: bool = True,
        **kwargs,
    ) -> None:
        facts = vtab_facts(task)
        require_split(facts, split)
        self.facts = replace(facts, layouts=((f'{split}.txt',),))
        self.split = split
        self.check_size = check_size
        super().__init__(
            ann_file=f'{split}.txt',
            data_root=str(Path(data_root, folder or task)),
            **kwargs,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples of the list, checked."""
        require_layout(self.facts, self.data_root)
        lines = Path(self.ann_file).read_text('utf-8').splitlines()
        samples = [
            self._sample(number, line)
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        check_samples(samples, self.facts, self.split, self.check_size)
        return samples

    def _sample(self, number: int, line: str) -> dict[str, Any]:
        name, _, label = line.strip().rpartition(' ')
        if not name or not label.isdecimal():
            raise ValueError(
                f'{self.facts.title}: expected lines "<image> <label>", got '
                f'{line!r} ({self.ann_file}, line {number}). '
                f'{self.facts.source}'
            )
        path = Path(self.data_root, name.strip())
        return {'img_path': str(path), 'gt_label': int(label)}
