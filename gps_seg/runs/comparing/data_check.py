# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check the data sets of a comparison before anything trains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.comparison.records import VALIDATION
from gps_seg.runs.comparing.held_out_images import Split
from gps_seg.runs.scoring.data_sets import TEST, groups_of, open_sets
from gps_seg.runs.scoring.images import TESTED


def check_data(
    config: Config, unseen: Mapping[str, Any], split: Split | None
) -> None:
    """Open each data set once, or every single run would fail by itself.

    Args:
        config: Config of the final runs.
        unseen: Data sets of other images on which they are scored, by name.
        split: Images on which rates are tuned; None if none are.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If an image has no group where others of its data set have
            one, or rates would be tuned on an image that is validated, tested
            or unseen.
    """
    training = config.train_dataloader.dataset
    scored = {VALIDATION: None, **unseen}
    opened = open_sets(config, {'training': training, **scored})
    groups_of(config, scored)  # else first looked up after all training
    if split is not None:
        tuned = {Path(path).resolve() for path in split.paths}
        for name in scored:
            _check_not_tuned_on(tuned, name, opened[name].paths)
        _check_not_tuned_on(tuned, TEST, _test_paths(config))


def _check_not_tuned_on(tuned: set[Path], name: str, paths: list[str]) -> None:
    """Raise ValueError if files of a data set are among those of tuning."""
    both = [path for path in paths if Path(path).resolve() in tuned]
    if both:
        raise ValueError(
            f'--rates: expected to tune on no {name} images, got '
            f'{len(both)} of {len(paths)} among the {len(tuned)} images to '
            f'tune on, such as {both[0]}. Take them out of the training '
            'images of the config, or of that of --tune-with.'
        )


def _test_paths(config: Config) -> list[str]:
    """Paths of the test images; empty if they are not there.

    A comparison scores no test images, so it does not ask for their files.
    """
    if config.get(TESTED[0]) is None:
        return []
    try:
        return open_sets(config, {TEST: None}, TESTED)[TEST].paths
    except FileNotFoundError:
        return []
