# Copyright (c) gps_seg contributors. Apache-2.0.
"""The data sets of a test: those of the config that the names choose."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from mmengine.config import Config

from gps_seg.peft.settings import did_you_mean
from gps_seg.runs.scoring.data_sets import UNSEEN, unseen_sets
from gps_seg.runs.scoring.images import TESTED


def chosen_sets(
    config: Config, names: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """Data sets of the config's ``unseen``, in its order.

    Args:
        config: Config with a test set and ``unseen``.
        names: Names, or patterns such as ``'blur-*'``; empty for all.

    Raises:
        ValueError: If the config has no ``unseen``, or a name chooses nothing.
    """
    sets = unseen_sets(config, TESTED)
    if not sets:
        raise ValueError(
            f'config: expected data sets in {UNSEEN!r}, got none '
            f'({config.filename}). Add {UNSEEN} = dict(NAME=dict(data_root='
            "'FOLDER', ann_file='LIST')), or give --cfg-options "
            f'{UNSEEN}.NAME.data_root=FOLDER {UNSEEN}.NAME.ann_file=LIST; '
            'what is not said is as in the test set. For polyps there is '
            'configs/_base_/datasets/unseen_polyps.py.'
        )
    for name in names:
        if not any(fnmatchcase(each, name) for each in sets):
            raise ValueError(
                f'--unseen: expected any of {", ".join(sets)}, got {name!r}.'
                + did_you_mean(name, sets)
            )
    return {
        each: data
        for each, data in sets.items()
        if not names or any(fnmatchcase(each, name) for name in names)
    }
