# Copyright (c) gps_seg contributors. Apache-2.0.
"""Polyp images and masks on disk, in the layout that all our data have."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine import fileio
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from gps_seg.datasets.label_checks import (
    check_labels,
    load_labels,
    object_is_ignored,
)
from gps_seg.datasets.named_files import NamesFiles

PREFIX = {'img_path': 'images', 'seg_map_path': 'masks'}


@DATASETS.register_module()
class PolypDataset(NamesFiles, BaseSegDataset):
    """Images, their 0/1 masks, and lists that say which belong to a split.

    Every listed file is looked for when the data set is built: a missing mask
    is an error in the first second, not in the middle of an epoch. So are
    masks as they are often published, with 255 for the polyp, which is the
    label that is ignored, or with three channels.

    Args:
        ann_file: List of ids, such as ``splits/train.txt``.
        **kwargs: As for mmseg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If the list or a listed image or mask is missing.
        ValueError: If the list is empty, or no mask has a polyp and some have
            ignored pixels, or a mask that is read has channels or labels of
            no class, or cannot be decoded.
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
                'split list: expected one id per line, got an empty file '
                f'({self.ann_file}). {self.remedy()}'
            )
        for key in ('img_path', 'seg_map_path'):
            files = [sample[key] for sample in samples if key in sample]
            self._require(PREFIX[key], files)
        self._require_an_object(samples)
        return samples

    def _require_an_object(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Read masks up to the first that has an object; mostly that is one.

        Raises:
            ValueError: If there is none, and ignored pixels instead.
        """
        classes = self.metainfo['classes']
        ignoring = []
        for sample in samples:
            if 'seg_map_path' not in sample:
                return
            path = sample['seg_map_path']
            try:
                labels = load_labels(sample)
                check_labels(
                    labels, labels.shape[:2], len(classes), self.ignore_index
                )
            except ValueError as error:
                raise ValueError(f'{path}: {error}') from error
            is_ignored = labels == self.ignore_index
            if ((labels > 0) & ~is_ignored).any():
                return
            if is_ignored.any():
                ignoring.append(path)
        if ignoring:
            raise ValueError(
                object_is_ignored(
                    ignoring[0], len(ignoring), classes[-1], self.ignore_index
                )
            )

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
