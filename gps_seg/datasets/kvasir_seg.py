# Copyright (c) gps_seg contributors. Apache-2.0.
"""Kvasir-SEG: 1000 images of polyps from colonoscopy."""

from mmseg.registry import DATASETS

from gps_seg.datasets.polyp_dataset import PolypDataset


@DATASETS.register_module()
class KvasirSEGDataset(PolypDataset):
    """Kvasir-SEG as ``tools/dataset_converters/kvasir_seg.py`` writes it.

    Jha et al., Kvasir-SEG: A Segmented Polyp Dataset, MMM 2020.

    Args:
        ann_file: One of ``splits/{train,val,tune_train,tune_val}.txt``.
        **kwargs: As for mmseg's ``BaseSegDataset``.
    """

    def remedy(self) -> str:
        """The command that writes the files."""
        return (
            'Run python tools/dataset_converters/kvasir_seg.py '
            f'ARCHIVE_OR_FOLDER {self.data_root or "data/kvasir-seg"}; '
            'data/README.md says where to get the archive.'
        )
