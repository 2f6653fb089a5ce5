# Copyright (c) gps_seg contributors. Apache-2.0.
"""The runs of a comparison, in the order in which they are taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from gps_seg.comparison.records import RECORD_FILE, RunRecord
from gps_seg.runs.comparing.learning_rates import best_rate, with_rate
from gps_seg.runs.comparing.variants import Variant

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

    def config(self) -> Config:
        """The config of the run."""
        own = self.variant.of(self.base)
        if self.rate is not None:
            own = with_rate(own, self.rate)
        own.merge_from_dict({'randomness.seed': self.seed})
        own.work_dir = str(self.folder)
        return own

    def record(self) -> RunRecord:
        """The record of the finished run.

        Raises:
            ValueError: If it is a run of another config.
        """
        record = RunRecord.read(self.folder)
        if record.digest != digest_of(self.config()):
            raise ValueError(
                f'comparison: expected the run {self.label} of this config, '
                f'got one of another config ({self.folder}). Remove the '
                'folder, or use another --work-dir.'
            )
        return record


def digest_of(config: Config) -> str:
    """SHA-256 of a config without its work directory."""
    settings = config.to_dict()
    settings.pop('work_dir', None)
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


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
    """

    variants: Sequence[Variant]
    seeds: Sequence[int]
    rates: Sequence[float]
    tuning_seeds: Sequence[int]
    final: Config
    tuning: Config | None
    folder: Path

    def tuning_runs(self, variant: Variant) -> list[Job]:
        """The runs that tune the rate of a variant."""
        return [
            self._tuning_run(variant, rate, seed)
            for rate in self.rates
            for seed in self.tuning_seeds
        ]

    def rate_of(self, variant: Variant) -> float | None:
        """The best rate of a variant; None if no rates were tuned.

        Raises:
            LookupError: If no run of it has finished.
        """
        if not self.rates:
            return None
        records: dict[float, list[RunRecord]] = {}
        for job in self.tuning_runs(variant):
            if job.is_finished:
                records.setdefault(job.rate or 0.0, []).append(job.record())
        if not records:
            raise LookupError(
                f"rates: expected finished runs of '{variant.name}', got none."
            )
        return best_rate(records)

    def final_runs(self, variant: Variant) -> list[Job]:
        """The final runs of a variant, once its rates are tuned."""
        rate = self.rate_of(variant)
        return [
            Job(
                variant,
                seed,
                rate,
                self.folder / _SEEDS / folder_name(variant) / str(seed),
                self.final,
                is_tuning=False,
            )
            for seed in self.seeds
        ]

    def ready(self) -> list[Job]:
        """The runs that may begin now: first rates, then seed by seed.

        So that variants can be compared early.
        """
        tuning = [
            job
            for rate in self.rates
            for seed in self.tuning_seeds
            for job in (
                self._tuning_run(variant, rate, seed)
                for variant in self.variants
            )
        ]
        tuned = [v for v in self.variants if self._is_tuned(v)]
        by_variant = [self.final_runs(variant) for variant in tuned]
        final = [job for runs in zip(*by_variant, strict=True) for job in runs]
        return [*tuning, *final]

    @property
    def number(self) -> int:
        """Number of all runs."""
        tuning = len(self.rates) * len(self.tuning_seeds)
        return len(self.variants) * (tuning + len(self.seeds))

    def failed(self) -> Mapping[str, str]:
        """Error of each variant that has no final run, or lost one."""
        errors = {}
        for variant in self.variants:
            runs = self.tuning_runs(variant)
            if self._is_tuned(variant):
                runs = self.final_runs(variant)
            for job in runs:
                if job.has_failed:
                    errors[variant.name] = f'{job.label}: {job.error}'
        return errors

    def _is_tuned(self, variant: Variant) -> bool:
        runs = self.tuning_runs(variant)
        some = any(job.is_finished for job in runs) or not runs
        return some and all(job.is_over for job in runs)

    def _tuning_run(self, variant: Variant, rate: float, seed: int) -> Job:
        if self.tuning is None:
            raise ValueError('rates: expected a config that tunes them.')
        name = f'{rate:g}-{seed}'
        return Job(
            variant,
            seed,
            rate,
            self.folder / _RATES / folder_name(variant) / name,
            self.tuning,
            is_tuning=True,
        )


def folder_name(variant: Variant) -> str:
    """Name of a variant as a folder."""
    return '_'.join(variant.name.replace('/', ' ').split())
