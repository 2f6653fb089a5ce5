# Copyright (c) gps_seg contributors. Apache-2.0.
"""The runs of a comparison, in the order in which they are taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from mmengine.config import Config

from gps_seg.comparison import RunRecord, choose_rates
from gps_seg.comparison.records import RECORD_FILE
from gps_seg.runs.comparing.learning_rates import with_rate
from gps_seg.runs.comparing.settings import hash_of, settings_that_count
from gps_seg.runs.comparing.variants import Variant
from gps_seg.runs.scoring.data_sets import UNSEEN

#: File in the folder of a run that failed.
FAILED_FILE = 'failed.json'
_RATES, _SEEDS = 'rates', 'seeds'


@dataclass(frozen=True)
class Job:
    """One run of a comparison.

    Args:
        variant: Variant that trains.
        seed: Seed of the run.
        rate: Multiplier of the learning rate; None for the config's.
        folder: Work directory of the run.
        base: Config to which variant, rate and seed are applied.
        is_tuning: Whether the run tunes a rate; else it is a final one.
    """

    variant: Variant
    seed: int
    rate: float | None
    folder: Path
    base: Config
    is_tuning: bool

    @property
    def label(self) -> str:
        """The run in a few words."""
        rate = '' if self.rate is None else f' rate {self.rate:g}'
        return f'{self.variant.name}{rate}, seed {self.seed}'

    @property
    def is_over(self) -> bool:
        """Whether the run is finished, or has failed."""
        return self.is_finished or self.has_failed

    @property
    def is_finished(self) -> bool:
        """Whether the run has a record."""
        return (self.folder / RECORD_FILE).is_file()

    @property
    def has_failed(self) -> bool:
        """Whether the run has failed."""
        return (self.folder / FAILED_FILE).is_file()

    @property
    def error(self) -> str:
        """The error of a run that has failed."""
        text = (self.folder / FAILED_FILE).read_text(encoding='utf-8')
        return str(json.loads(text)['error'])

    @cached_property
    def config(self) -> Config:
        """The config of the run."""
        own = self.variant.of(self.base)
        if self.rate is not None:
            own = with_rate(own, self.rate)
        own.merge_from_dict({'randomness.seed': self.seed})
        own.work_dir = str(self.folder)
        return own

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides the results of the run.

        They are its scores on unseen images, too, unless it tunes a rate.
        """
        settings = settings_that_count(self.config)
        if not self.is_tuning:
            settings[UNSEEN] = self.base.to_dict().get(UNSEEN)
        return hash_of(settings)

    @cached_property
    def record(self) -> RunRecord:
        """The record of the finished run.

        Raises:
            ValueError: If it is a run of another config.
        """
        record = RunRecord.read(self.folder)
        if record.digest != self.digest:
            raise ValueError(
                f'comparison: expected the run {self.label} of this config, '
                f'got one of another config ({self.folder}). Remove the '
                'folder, or use another --work-dir.'
            )
        return record


@dataclass(frozen=True)
class Jobs:
    """All runs of a comparison.

    Args:
        variants: Variants, in the order of the tables.
        seeds: Seeds of the final runs.
        rates: Multipliers of the learning rate to try; empty for none.
        tuning_seeds: Seeds of the runs that tune the rates.
        final: Config of the final runs.
        tuning: Config of the runs that tune the rates, which scores on
            training images; None if there are no rates.
        folder: Folder of the comparison.
        known_rates: Multipliers of the final runs by variant, where no rate
            is tuned; without one a variant has the rates of the config.
    """

    variants: Sequence[Variant]
    seeds: Sequence[int]
    rates: Sequence[float]
    tuning_seeds: Sequence[int]
    final: Config
    tuning: Config | None
    folder: Path
    known_rates: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def tuning_runs(self) -> dict[str, list[Job]]:
        """The runs that tune rates, by variant."""
        if self.tuning is None:
            return {variant.name: [] for variant in self.variants}
        return {
            variant.name: [
                Job(
                    variant,
                    seed,
                    rate,
                    self.folder / _RATES / variant.folder / f'{rate:g}-{seed}',
                    self.tuning,
                    is_tuning=True,
                )
                for rate in self.rates
                for seed in self.tuning_seeds
            ]
            for variant in self.variants
        }

    def final_runs(self, variant: Variant) -> list[Job]:
        """The final runs of a variant; empty until its rate is tuned.

        Raises:
            ValueError: If one is finished that had another config, such as
                the best of fewer rates.
        """
        if variant.name not in self._final and self.is_tuned(variant):
            rate = self._best_rate(variant)
            runs = [
                Job(
                    variant,
                    seed,
                    rate,
                    self.folder / _SEEDS / variant.folder / str(seed),
                    self.final,
                    is_tuning=False,
                )
                for seed in self.seeds
            ]
            for job in runs:
                if job.is_finished:  # with another rate it cannot be compared
                    job.record  # noqa: B018
            self._final[variant.name] = runs
        return self._final.get(variant.name, [])

    def is_tuned(self, variant: Variant) -> bool:
        """Whether all rates of a variant were tried, and one trained."""
        runs = self.tuning_runs[variant.name]
        some = any(job.is_finished for job in runs) or not runs
        return some and all(job.is_over for job in runs)

    def ready(self) -> list[Job]:
        """The runs that may begin now: first rates, then seed by seed.

        All variants take turns, so that they can be compared early.
        """
        tuning = zip(*self.tuning_runs.values(), strict=True)
        final = zip_longest(*map(self.final_runs, self.variants))
        turns = [*tuning, *final]
        return [job for turn in turns for job in turn if job is not None]

    @property
    def number(self) -> int:
        """Number of all runs."""
        tuning = len(self.rates) * len(self.tuning_seeds)
        return len(self.variants) * (tuning + len(self.seeds))

    def failed(self) -> dict[str, str]:
        """Error of each variant of which a run failed."""
        return {
            job.variant.name: f'{job.label}: {job.error}'
            for job in self.ready()
            if job.has_failed
        }

    def _best_rate(self, variant: Variant) -> float | None:
        if self.tuning is None:
            return self.known_rates.get(variant.name)
        runs = self.tuning_runs[variant.name]
        records = [job.record for job in runs if job.is_finished]
        return choose_rates(records)[variant.name].best

    @cached_property
    def _final(self) -> dict[str, list[Job]]:
        return {}
