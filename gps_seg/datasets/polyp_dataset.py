# Copyright (c) gps_seg contributors. Apache-2.0.
"""Polyp images and masks on disk, in the layout of our converters."""

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
    """Images, their 0/1 masks, and a list of ids for each split.

    All listed files are checked when the data set is built: a missing mask is
    an error in the first second instead of in the middle of an epoch. So are
    masks as they are often published: with three channels, or with 255, the
    ignored label, for the polyp.

    Args:
        ann_file: List of ids, such as ``splits/train.txt``.
        data_prefix: Folders of images and masks in ``data_root``.
        **kwargs: Arguments of mmseg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If the list or a listed image or mask is missing.
        ValueError: If the list is empty; if no mask has a polyp and some have
            ignored pixels; if a mask that is read has channels or unknown
            labels, or cannot be decoded.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from gps_seg.datasets.synthetic_polyps import write_dataset
        >>> drawn = dict(domain='source', split_sizes={'val': 2}, size=32)
        >>> with TemporaryDirectory() as folder:
        ...     write_dataset(Path(folder), **drawn, seed=0)
        ...     data = PolypDataset('splits/val.txt', data_root=folder)
        ...     len(data), data.metainfo['classes']
        (2, ('background', 'polyp'))
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
        """Advice for error messages when files are missing."""
        return (
            'Write the data set first: python tools/dataset_converters/'
            f'polyps.py ARCHIVE_OR_FOLDER {self.data_root or "FOLDER"} (see '
            'data/README.md).'
        )

    def load_data_list(self) -> list[dict]:
        """The samples of the split, after a check that all files exist."""
        self._require_list()
        samples = super().load_data_list()
        if not samples:
            raise ValueError(
                'split list: expected one id per line, got an empty file, '
                f'{self.ann_file}. {self.remedy()}'
            )
        for key in ('img_path', 'seg_map_path'):
            files = [sample[key] for sample in samples if key in sample]
            self._require(PREFIX[key], files)
        self._require_an_object(samples)
        return samples

    def _require_an_object(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Read masks up to the first with an object, usually the first.

        Raises:
            ValueError: If no mask has one and some have ignored pixels.
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

    def _require_list(self) -> None:
        if not self._exists(self.ann_file):
            raise FileNotFoundError(
                f'split list: expected the file {self.ann_file}, found none. '
                f'{self.remedy()}'
            )

    def _require(self, what: str, files: list[str]) -> None:
        missing = [file for file in files if not self._exists(file)]
        if missing:
            raise FileNotFoundError(
                f'{what}: expected the files that {self.ann_file} lists, '
                f'missing {len(missing)} of {len(files)}, such as '
                f'{missing[0]}. {self.remedy()}'
            )

    def _exists(self, file: str) -> bool:
        return fileio.exists(file, backend_args=self.backend_args)
