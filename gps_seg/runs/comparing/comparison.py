# Copyright (c) gps_seg contributors. Apache-2.0.
"""A comparison from the command line: the work of ``tools/compare.py``."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.comparison.records import VALIDATION
from gps_seg.comparison.tables import main_table
from gps_seg.files import write_json
from gps_seg.runs.comparing.costs.rounds import (
    measure_costs,
    measured_costs,
)
from gps_seg.runs.comparing.data_check import check_data
from gps_seg.runs.comparing.ensembles import score_ensembles
from gps_seg.runs.comparing.equal_treatment import check_equal
from gps_seg.runs.comparing.held_out_images import (
    Split,
    on_training_images,
    split_training_images,
)
from gps_seg.runs.comparing.jobs import Jobs
from gps_seg.runs.comparing.known_rates import known_rates
from gps_seg.runs.comparing.learning_rates import with_rate
from gps_seg.runs.comparing.report import write_report
from gps_seg.runs.comparing.variant_check import check_variant
from gps_seg.runs.comparing.variants import (
    REFERENCES,
    USUAL_REFERENCES,
    variants_of,
)
from gps_seg.runs.comparing.worker import alone_in, work
from gps_seg.runs.launch import load_config
from gps_seg.runs.overrides import parse_overrides
from gps_seg.runs.scoring.data_sets import (
    UNSEEN,
    groups_beside,
    unseen_sets,
)

#: File with the names of the training images that trained and scored rates.
SPLIT_FILE = 'tuning_split.json'


def compare(args: Namespace) -> str:
    """Train what is not finished yet, and report all.

    Args:
        args: Command line of ``tools/compare.py``.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If config and command line do not fit each other.
    """
    config = load_config(args.config, args.work_dir, args.cfg_options)
    folder = Path(config.work_dir)
    tuning, split = _tuning_config(args, config)
    jobs = _jobs(args, config, tuning, folder)
    unseen = unseen_sets(config)
    references = _references(args, config, jobs)
    _check(jobs)
    check_data(config, unseen, split)
    check_finished(jobs, unseen)
    if split is not None:  # the runs that are there have the same
        folder.mkdir(parents=True, exist_ok=True)
        write_json(split.named(), folder / SPLIT_FILE)
    work(jobs, unseen, print)
    score_ensembles(jobs, unseen, args.alphas, print)
    costs = _costs(jobs, references[0], args.cost_rounds)
    summary = write_report(jobs, references, unseen, costs)
    return f'{main_table(summary)}\n\nMore in {folder}/table.md'


def _jobs(
    args: Namespace, config: Config, tuning: Config | None, folder: Path
) -> Jobs:
    options = parse_overrides(args.method_options, '--method-options')
    return Jobs(
        variants=variants_of(config, args.methods, options),
        seeds=args.seeds,
        rates=args.rates,
        tuning_seeds=args.tuning_seeds,
        final=config,
        tuning=tuning,
        folder=folder,
        known_rates=known_rates(config),
    )


def _references(args: Namespace, config: Config, jobs: Jobs) -> list[str]:
    """The variants that all others are compared with."""
    names = [variant.name for variant in jobs.variants]
    if args.references is None:
        usual = config.get(REFERENCES) or USUAL_REFERENCES
        return [name for name in usual if name in names] or names[:1]
    unknown = sorted(set(args.references) - set(names))
    if unknown:
        raise ValueError(
            f'--references: expected any of {names}, got {unknown}.'
        )
    return list(args.references)


def _costs(jobs: Jobs, reference: str, rounds: int) -> dict[str, Any] | None:
    """The costs, measured by one worker while the others wait.

    They are measured last, when nothing else runs, for variants of which a
    run has finished. If no rounds are asked, those of earlier rounds stay in
    the table.
    """
    finished = {
        variant.name: [r for r in jobs.final_runs(variant) if r.is_finished]
        for variant in jobs.variants
    }
    configs = {name: runs[0].config for name, runs in finished.items() if runs}
    if not configs:
        return None
    if reference not in configs:  # it has failed
        reference = next(iter(configs))
    if rounds == 0:
        return measured_costs(configs, reference, jobs.folder)
    with alone_in(jobs.folder, print):
        return measure_costs(configs, reference, jobs.folder, rounds)


def check_finished(jobs: Jobs, unseen: Mapping[str, Any]) -> None:
    """Check that finished runs can be reported, before others are trained.

    Args:
        jobs: Runs of the comparison.
        unseen: Data sets of other images, by name.

    Raises:
        ValueError: If a run is one of another config, or a final one was
            scored on other data sets.
    """
    expected = {VALIDATION, *unseen}
    for job in jobs.ready():
        if not job.is_finished:
            continue
        found = list(job.record.scores)  # refuses a run of another config
        if not job.is_tuning and set(found) != expected:
            raise ValueError(
                f'{UNSEEN}: expected scores on {sorted(expected)} of '
                f'{job.label}, got {found} ({job.folder}). Remove the folder '
                'to train it again, or use another --work-dir.'
            )


def _tuning_config(
    args: Namespace, config: Config
) -> tuple[Config, Split] | tuple[None, None]:
    """The config that tunes rates, on training images alone, and these."""
    if not args.rates:
        return None, None
    own = config
    if args.tune_with is not None:
        own = load_config(args.tune_with, args.work_dir, args.cfg_options)
    groups = groups_beside(own.train_dataloader.dataset)
    split = split_training_images(own, args.held_out, groups)
    return on_training_images(own, split), split


def _check(jobs: Jobs) -> None:
    """Raise ValueError unless all variants can be trained and compared."""
    for base in filter(None, [jobs.final, jobs.tuning]):
        configs = {v.name: v.of(base) for v in jobs.variants}
        check_equal(configs)
        for name, config in configs.items():
            check_variant(name, config)
            if jobs.rates:  # or every run would fail by itself
                with_rate(config, jobs.rates[0])
