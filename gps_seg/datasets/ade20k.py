# Copyright (c) gps_seg contributors. Apache-2.0.
"""ADE20K (SceneParse150): 150 classes, 20,210 + 2,000 images."""

import os
from pathlib import PurePath

from mmengine import fileio
from mmseg.datasets import ADE20KDataset
from mmseg.registry import DATASETS

from gps_seg.datasets.conversion.ade20k_layout import REMEDY
from gps_seg.datasets.named_files import NamesFiles

DEFAULT_ROOT = 'data/ade/ADEChallengeData2016'


@DATASETS.register_module()
class CheckedADE20KDataset(NamesFiles, ADE20KDataset):
    """MMSegmentation's ``ADE20KDataset`` whose files are all there.

    Images and annotations are matched by name when the data set is built: a
    missing file is an error in the first seconds, not in the middle of a run,
    and an archive that was unpacked in part does not train.

    Args:
        num_pairs: How many pairs there must be; None takes any number.
        **kwargs: As for mmseg's ``ADE20KDataset``.

    Raises:
        FileNotFoundError: If the folder, an image or an annotation is
            missing; says what to download and where it goes.
        ValueError: If there are fewer or more pairs than ``num_pairs``.
    """

    def __init__(self, num_pairs: int | None = None, **kwargs) -> None:
        self.num_pairs = num_pairs
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """The samples, all of whose files are there."""
        images = self._ids('img_path', self.img_suffix)
        if self.data_prefix.get('seg_map_path') is not None:
            labels = self._ids('seg_map_path', self.seg_map_suffix)
            self._require_match(images, labels)
        samples = super().load_data_list()
        if self.num_pairs is not None and len(samples) != self.num_pairs:
            raise ValueError(
                f'ADE20K: expected {self.num_pairs} pairs, got '
                f'{len(samples)} ({self.data_prefix["img_path"]}). '
                f'{self._remedy()} For a part of the data set, set num_pairs '
                'to None.'
            )
        return samples

    def _ids(self, key: str, suffix: str) -> set[str]:
        """Names without suffix of the files in a folder of the data set."""
        folder = self.data_prefix[key]
        found: set[str] = set()
        if fileio.isdir(folder, backend_args=self.backend_args):
            files = fileio.list_dir_or_file(
                folder,
                list_dir=False,
                suffix=suffix,
                recursive=True,
                backend_args=self.backend_args,
            )
            found = {name.removesuffix(suffix) for name in files}
        if not found:
            raise FileNotFoundError(
                f'ADE20K: expected *{suffix} files in {folder}, found none '
                f'(data_root, data_prefix). {self._remedy()}'
            )
        return found

    def _require_match(self, images: set[str], labels: set[str]) -> None:
        for missing, key, suffix in (
            (images - labels, 'seg_map_path', self.seg_map_suffix),
            (labels - images, 'img_path', self.img_suffix),
        ):
            if missing:
                first = PurePath(self.data_prefix[key], min(missing))
                raise FileNotFoundError(
                    'ADE20K: expected an annotation for every image and the '
                    f'reverse, missing {len(missing)} file(s), the first is '
                    f'{first}{suffix}. {self._remedy()}'
                )

    def _remedy(self) -> str:
        root = self.data_root or DEFAULT_ROOT
        return REMEDY.format(target=os.fspath(root))
