# Copyright (c) gps_seg contributors. Apache-2.0.
"""Variants of one config, trained with several seeds each."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from gps_seg.engine.comparison import train_quietly
from gps_seg.visualization.run_results import RunResult, read_run

#: Key of a config that holds its variants: name -> overrides by dotted key.
VARIANTS = 'variants'


class Trial(NamedTuple):
    """One run of an ablation.

    Args:
        variant: Name among the variants.
        seed: Of the run.
        config: With the overrides, the seed and a work directory of its own.
    """

    variant: str
    seed: int
    config: Config

    @property
    def work_dir(self) -> Path:
        """Where the run is, or will be."""
        return Path(self.config.work_dir)

    def result(self) -> RunResult | None:
        """What came of the run, or None if it has not come to its end."""
        try:
            result = read_run(self.work_dir)
        except (FileNotFoundError, ValueError):
            return None
        return result._replace(name=self.variant)


def plan(
    config: Config, seeds: Sequence[int], only: Sequence[str] | None = None
) -> list[Trial]:
    """All runs, seed by seed, so that a comparison is there early.

    Args:
        config: Has ``variants`` and a ``work_dir``.
        seeds: One or more.
        only: Names of variants to run, or None for all.

    Raises:
        ValueError: If the config has no variants, or not those of ``only``.
    """
    variants = config.get(VARIANTS)
    if not variants:
        raise ValueError(
            f"config: expected '{VARIANTS}', name -> overrides, got none "
            f'({config.filename}). See configs/kvasir/ablation.py.'
        )
    names = list(variants) if only is None else list(only)
    unknown = sorted(set(names) - set(variants))
    if unknown:
        raise ValueError(
            f'variants: expected names among {list(variants)}, got {unknown}.'
        )
    return [_trial(config, name, seed) for seed in seeds for name in names]


def _trial(config: Config, name: str, seed: int) -> Trial:
    own = copy.deepcopy(config)
    overrides = own.pop(VARIANTS)[name]
    own.merge_from_dict(dict(overrides))
    own.merge_from_dict({'randomness.seed': seed})
    folder = '_'.join(name.split())
    own.work_dir = str(Path(config.work_dir, f'{folder}-{seed}'))
    return Trial(name, seed, own)


def run_trials(
    trials: Sequence[Trial], report: Callable[[str], None] = print
) -> Iterator[RunResult]:
    """The results; runs that are over are read, the others are trained.

    Killed, the same call goes on with the first run that is not over.
    """
    start, trained = time.monotonic(), 0
    for number, trial in enumerate(trials, start=1):
        result = trial.result()
        if result is None:
            spent = time.monotonic() - start
            left = None
            if trained:
                left = spent / trained * (len(trials) - number + 1)
            report(_heading(trial, f'{number}/{len(trials)}', left))
            train_quietly(trial.variant, trial.config)
            trained += 1
            result = trial.result()
            assert result is not None  # it was just trained
        yield result


def _heading(trial: Trial, place: str, left: float | None) -> str:
    text = f'{place}: {trial.variant}, seed {trial.seed}'
    if left is None:
        return text
    return f'{text}, up to {timedelta(seconds=round(left))} left'
