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
    """MMSegmentation's ``ADE20KDataset`` with all files present.

    Images and annotations are matched by name when the data set is built. A
    missing file is an error in the first seconds instead of in the middle of
    a run, and a partly unpacked archive is refused.

    Args:
        num_pairs: Number of pairs that is expected; None allows any.
        **kwargs: Arguments of mmseg's ``ADE20KDataset``.

    Raises:
        FileNotFoundError: If the folder, an image or an annotation is
            missing; names the download and the converter's command.
        ValueError: If there are fewer or more pairs than ``num_pairs``.

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='CheckedADE20KDataset',
                num_pairs=20210,
                data_root='data/ade/ADEChallengeData2016',
                data_prefix=dict(
                    img_path='images/training',
                    seg_map_path='annotations/training',
                ),
            )
        )
    """

    def __init__(self, num_pairs: int | None = None, **kwargs) -> None:
        self.num_pairs = num_pairs
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """The samples, after a check that all files exist."""
        images = self._ids('img_path', self.img_suffix)
        if self.data_prefix.get('seg_map_path') is not None:
            labels = self._ids('seg_map_path', self.seg_map_suffix)
            self._require_match(images, labels)
        samples = super().load_data_list()
        if self.num_pairs is not None and len(samples) != self.num_pairs:
            raise ValueError(
                f'ADE20K: expected {self.num_pairs} pairs, got '
                f'{len(samples)} ({self.data_prefix["img_path"]}). '
                f'{self._remedy()} To train on a part of it, set num_pairs to '
                'None.'
            )
        return samples

    def _ids(self, key: str, suffix: str) -> set[str]:
        """Names of the files in a folder of the data set, without suffix."""
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
                f'ADE20K: expected *{suffix} files in {folder}, found none. '
                f'Check data_root and data_prefix. {self._remedy()}'
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
                    'ADE20K: expected an annotation for every image and an '
                    'image for every annotation, missing '
                    f'{len(missing)} file(s), such as {first}{suffix}. '
                    f'{self._remedy()}'
                )

    def _remedy(self) -> str:
        root = self.data_root or DEFAULT_ROOT
        return REMEDY.format(target=os.fspath(root))
