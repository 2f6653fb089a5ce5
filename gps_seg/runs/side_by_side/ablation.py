# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train variants of one config, each with several seeds."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from gps_seg.files import write_json
from gps_seg.runs.side_by_side.quiet_runs import train_quietly
from gps_seg.runs.side_by_side.variant_check import check_variant
from gps_seg.text.clock import Clock
from gps_seg.visualization.plots.run_results import RunResult, read_run

#: Key of a config that holds its variants: name -> overrides by dotted key.
VARIANTS = 'variants'
#: File in the folder of each finished run, with the digest of its config.
FINISHED = 'finished.json'


class Trial(NamedTuple):
    """One run of an ablation.

    Args:
        variant: Name of the variant.
        seed: Seed of the run.
        config: Config with the overrides, the seed and its own work
            directory.
    """

    variant: str
    seed: int
    config: Config

    @property
    def work_dir(self) -> Path:
        """Folder of the results."""
        return Path(self.config.work_dir)

    @property
    def digest(self) -> str:
        """SHA-256 of the config without its work directory."""
        settings = self.config.to_dict()
        settings.pop('work_dir', None)
        text = json.dumps(settings, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def is_over(self) -> bool:
        """Whether the run is finished.

        Raises:
            ValueError: If the folder has a finished run of another config.
        """
        marker = self.work_dir / FINISHED
        if not marker.is_file():
            return False  # a killed run may have validations, too
        if json.loads(marker.read_text())['config'] != self.digest:
            raise ValueError(
                f"ablation: expected a run of variant '{self.variant}', seed "
                f'{self.seed}, got one of another config ({self.work_dir}). '
                'Remove the folder, or use another --work-dir.'
            )
        return True

    def mark_as_over(self) -> None:
        """Write :data:`FINISHED` into the folder of the run."""
        write_json({'config': self.digest}, self.work_dir / FINISHED)

    def result(self) -> RunResult:
        """Scores and cost of the run; see :func:`read_run` for errors."""
        return read_run(self.work_dir)._replace(name=self.variant)


def plan(
    config: Config, seeds: Sequence[int], only: Sequence[str] | None = None
) -> list[Trial]:
    """List all runs, seed by seed, so that variants can be compared early.

    Args:
        config: Config with ``variants`` and a ``work_dir``.
        seeds: Seeds, one or more.
        only: Names of the variants to run; None for all.

    Raises:
        ValueError: If the config has no variants, or lacks one of ``only``.
    """
    variants = config.get(VARIANTS)
    if not variants:
        raise ValueError(
            f"config: expected '{VARIANTS}', name -> overrides, got none "
            f'({config.filename}). See configs/studies/ablation.py.'
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


def check_folders(trials: Sequence[Trial]) -> None:
    """Raise ValueError if two configs would share a folder."""
    digests: dict[Path, str] = {}
    for trial in trials:
        trial.is_over()  # raises if the run has another config
        if digests.setdefault(trial.work_dir, trial.digest) != trial.digest:
            raise ValueError(
                'variants: expected names that give different folders, got '
                f"'{trial.variant}' and another for {trial.work_dir}. Rename "
                'one of them.'
            )


def check_variants(trials: Sequence[Trial]) -> None:
    """Raise ValueError if a variant cannot be trained."""
    # One seed of each variant is enough.
    waiting = {t.variant: t.config for t in trials if not t.is_over()}
    for name, config in waiting.items():
        check_variant(name, config)


def run_trials(
    trials: Sequence[Trial], report: Callable[[str], None] = print
) -> Iterator[RunResult]:
    """Train the runs that are not finished, and yield the results of all.

    After an interruption the same call continues with the first unfinished
    run.

    Args:
        trials: Runs, as :func:`plan` returns them.
        report: Function that prints a line before each training.

    Raises:
        ValueError: If a folder has a run of another config, or a variant
            cannot be trained and compared; before any training.
    """
    check_folders(trials)
    check_variants(trials)
    clock = Clock(sum(not trial.is_over() for trial in trials))
    trained = 0
    for number, trial in enumerate(trials, start=1):
        if not trial.is_over():
            left = f', {clock.left(trained)}' if trained else ''
            report(
                f'{number}/{len(trials)}: {trial.variant}, seed {trial.seed}'
                f'{left}'
            )
            train_quietly(trial.variant, trial.config)
            trial.mark_as_over()
            trained += 1
        yield trial.result()
