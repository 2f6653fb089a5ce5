# Copyright (c) gps_seg contributors. Apache-2.0.
"""The weights that a run starts from."""

from pathlib import Path

from mmengine.config import Config

from gps_seg.delta import is_delta


def start_of(config: Config) -> str | None:
    """``load_from`` of a config, if it names weights to start from.

    With ``resume=True`` it names the state of a stopped run instead.
    """
    return None if config.get('resume') else config.get('load_from')


def check_start(start: str | None) -> None:
    """Raise if the file to start from is missing or is a delta."""
    if not start or '://' in start:
        return
    if not Path(start).expanduser().is_file():
        raise FileNotFoundError(
            f'load_from: expected a checkpoint, got nothing at {start}.'
        )
    if is_delta(start):
        raise ValueError(
            f'load_from: expected a checkpoint, got the delta {start}. A '
            'delta is only a change of its base: merge both into a checkpoint '
            'with tools/delta.py merge, or continue its run with --resume.'
        )
