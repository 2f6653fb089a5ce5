# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets whose errors name the file that could not be loaded."""

from typing import Any


class NamesFiles:
    """Mixin of an MMSegmentation data set: errors of a sample name its files.

    OpenCV and Pillow decode bytes; their errors cannot name a file.

    Raises:
        ValueError: If a sample cannot be loaded or augmented.
    """

    def prepare_data(self, idx: int) -> Any:
        """One sample, through the pipeline."""
        try:
            return super().prepare_data(idx)  # type: ignore[misc]
        # Whatever a decoder or a transform raises.
        except Exception as error:
            sample = self.get_data_info(idx)  # type: ignore[attr-defined]
            keys = ('img_path', 'seg_map_path')
            files = [str(sample[key]) for key in keys if key in sample]
            if any(file in str(error) for file in files):
                raise
            raise ValueError(
                f'{", ".join(files)}: expected files that can be loaded, got '
                f'{type(error).__name__}: {error}. '
                'tools/check_dataset.py CONFIG opens all files and lists the '
                'unusable ones.'
            ) from error
