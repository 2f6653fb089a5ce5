# Copyright (c) gps_seg contributors. Apache-2.0.
"""Polyp images and masks on disk, in the layout that all our data have."""

from __future__ import annotations

from typing import ClassVar

from mmengine import fileio
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

PREFIX = {'img_path': 'images', 'seg_map_path': 'masks'}


@DATASETS.register_module()
class PolypDataset(BaseSegDataset):
    """Images, their 0/1 masks, and lists that say which belong to a split.

    Every listed file is looked for when the data set is built: a missing mask
    is an error in the first second, not in the middle of an epoch.

    Args:
        ann_file: List of ids, such as ``splits/train.txt``.
        **kwargs: As for mmseg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If the list or a listed image or mask is missing.
        ValueError: If the list is empty.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', 'polyp'),
        'palette': [[120, 120, 120], [6, 230, 230]],
    }

    def __init__(
        self, ann_file: str, data_prefix: dict = PREFIX, **kwargs
    ) -> None:
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    def remedy(self) -> str:
        """What to do when files are missing; for error messages."""
        return 'Make the data set first; data/README.md shows its layout.'

    def load_data_list(self) -> list[dict]:
        """The samples of the split, all of whose files are there."""
        self._require('split list', [self.ann_file])
        samples = super().load_data_list()
        if not samples:
            raise ValueError(
                f'split list: expected one id per line, got an empty file '
                f'({self.ann_file}). {self.remedy()}'
            )
        for key in ('img_path', 'seg_map_path'):
            files = [sample[key] for sample in samples if key in sample]
            self._require(PREFIX[key], files)
        return samples

    def _require(self, what: str, files: list[str]) -> None:
        missing = [
            file
            for file in files
            if not fileio.exists(file, backend_args=self.backend_args)
        ]
        if missing:
            raise FileNotFoundError(
                f'{what}: expected {len(files)} file(s), missing '
                f'{len(missing)}, the first is {missing[0]} '
                f'({self.ann_file}). {self.remedy()}'
            )
