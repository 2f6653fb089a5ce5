# Copyright (c) gps_seg contributors. Apache-2.0.
"""Kvasir-SEG: 1000 images of polyps from colonoscopy."""

from mmseg.registry import DATASETS

from gps_seg.datasets.polyp_dataset import PolypDataset


@DATASETS.register_module()
class KvasirSEGDataset(PolypDataset):
    """Kvasir-SEG as ``tools/dataset_converters/kvasir_seg.py`` writes it.

    Jha et al., Kvasir-SEG: A Segmented Polyp Dataset, MMM 2020.

    Args:
        ann_file: Split list, such as ``splits/train.txt``; data/README.md
            has them all.
        **kwargs: Arguments of mmseg's ``BaseSegDataset``.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from gps_seg.datasets.synthetic_polyps import write_dataset
        >>> drawn = dict(domain='source', split_sizes={'train': 2}, size=32)
        >>> with TemporaryDirectory() as folder:
        ...     write_dataset(Path(folder), **drawn, seed=0)
        ...     len(KvasirSEGDataset('splits/train.txt', data_root=folder))
        2
    """

    def remedy(self) -> str:
        """The download and the command that writes the files."""
        return (
            'Download kvasir-seg.zip (46 MB) from '
            'https://datasets.simula.no/kvasir-seg/, then run: python '
            'tools/dataset_converters/kvasir_seg.py kvasir-seg.zip '
            f'{self.data_root or "data/kvasir-seg"} (see data/README.md).'
        )
