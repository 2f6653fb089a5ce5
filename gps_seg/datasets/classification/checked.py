# Copyright (c) gps_seg contributors. Apache-2.0.
"""The check that all data sets of FGVC run when they are built."""

from typing import Any, ClassVar

from gps_seg.datasets.classification.checks import (
    Facts,
    check_samples,
    require_layout,
    require_split,
)


class Checked:
    """Mixin of an MMPretrain data set that has an official split.

    Args:
        data_root: Folder of the data set.
        split: Name of a split, one of ``facts.sizes``.
        check_size: Whether the number of images must be the published one.
        **kwargs: Arguments of the data set.

    Raises:
        FileNotFoundError: If a list, a folder or an image is missing.
        ValueError: If there is no such split, it differs from the published
            one, or a list is damaged.
    """

    facts: ClassVar[Facts]

    def __init__(
        self,
        data_root: str,
        split: str,
        check_size: bool = True,
        **kwargs,
    ) -> None:
        require_split(self.facts, split)
        require_layout(self.facts, data_root)
        self.check_size = check_size
        super().__init__(data_root=data_root, split=split, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples of the split, checked."""
        try:
            samples: list[dict[str, Any]] = super().load_data_list()
        except OSError:
            raise
        # A damaged list makes the readers of MMPretrain raise any error.
        except Exception as error:
            raise ValueError(
                f'{self.facts.title}: expected lists that can be read, got '
                f'{type(error).__name__}: {error} ({self.data_root}). '
                f'{self.facts.source}'
            ) from error
        check_samples(samples, self.facts, self.split, self.check_size)
        return samples
