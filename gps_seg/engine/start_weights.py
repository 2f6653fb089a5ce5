# Copyright (c) gps_seg contributors. Apache-2.0.
"""The file of weights that a run begins with."""

from pathlib import Path

from mmengine.config import Config

from gps_seg.delta import is_delta


def start_of(config: Config) -> str | None:
    """``load_from`` of a config, if it names weights to begin with.

    With ``resume=True`` it names the state of a stopped run instead.
    """
    return None if config.get('resume') else config.get('load_from')


def check_start(start: str | None) -> None:
    """Raise if the run is to begin with a delta, or with no file at all."""
    if not start or '://' in start:
        return
    if not Path(start).expanduser().is_file():
        raise FileNotFoundError(
            f'load_from: expected a checkpoint, got nothing at {start}.'
        )
    if is_delta(start):
        raise ValueError(
            f'load_from: expected a checkpoint, got the delta {start}. A '
            'delta is a change of its base: make a checkpoint of both by '
            'tools/delta.py merge, or go on with its run by --resume.'
        )
