# Copyright (c) gps_seg contributors. Apache-2.0.
"""A data set of images and masks where they lie, with any names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from gps_seg.datasets.named_files import NamesFiles
from gps_seg.datasets.own_folder.lists import read_list


@DATASETS.register_module()
class FolderDataset(NamesFiles, BaseSegDataset):
    """Images and masks of a list; nothing is copied or converted.

    All listed files must be there when the data set is built. What the masks
    store is made classes by ``LoadMask`` in the pipeline.

    Args:
        images: Folder of the images.
        masks: Folder of the masks; None for images alone.
        ann_file: List with an image, a tab and its mask in each line, as
            ``write_lists`` writes it.
        metainfo: ``classes`` and ``palette``.
        **kwargs: Arguments of mmseg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If the list or a listed image or mask is missing.
        ValueError: If the list is empty or no such list, or there are no
            classes.

    Example::

        train_dataloader = dict(
            dataset=dict(
                type='FolderDataset',
                images='photos',
                masks='outlines',
                ann_file='polyps/splits/train.txt',
                metainfo=dict(classes=('background', 'polyp')),
                pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadMask', rule=rule),
                    dict(type='PackSegInputs'),
                ],
            )
        )
    """

    def __init__(
        self,
        images: str,
        masks: str | None,
        ann_file: str,
        metainfo: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        if not (metainfo or {}).get('classes'):
            raise ValueError(
                'metainfo: expected the names of the classes, '
                f'dict(classes=(...), palette=[...]), got {metainfo!r}.'
            )
        prefix = {'img_path': images, 'seg_map_path': masks}
        super().__init__(
            ann_file=ann_file,
            metainfo=dict(metainfo),
            data_prefix={k: v for k, v in prefix.items() if v is not None},
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """The samples of the list, after a check that all files exist."""
        if not Path(self.ann_file).is_file():
            raise FileNotFoundError(
                f'split list: expected the file {self.ann_file}, found none. '
                'Check ann_file, or look at the folder again.'
            )
        folders = [
            self.data_prefix.get(key) for key in ('img_path', 'seg_map_path')
        ]
        samples = []
        for row in read_list(self.ann_file):
            paths = [
                str(Path(folder, name))
                for folder, name in zip(folders, row, strict=True)
                if folder is not None
            ]
            samples.append(self._sample(*paths))
        for what, key in (('images', 'img_path'), ('masks', 'seg_map_path')):
            self._require(what, [s[key] for s in samples if key in s])
        return samples

    def _sample(self, image: str, mask: str | None = None) -> dict[str, Any]:
        sample = {
            'img_path': image,
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }
        return sample if mask is None else {**sample, 'seg_map_path': mask}

    def _require(self, what: str, files: list[str]) -> None:
        missing = [file for file in files if not Path(file).is_file()]
        if missing:
            raise FileNotFoundError(
                f'{what}: expected the files that {self.ann_file} lists, '
                f'missing {len(missing)} of {len(files)}, such as '
                f'{missing[0]}. Correct {what} in the config, or look at the '
                'folder again.'
            )
