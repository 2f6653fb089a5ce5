# Copyright (c) gps_seg contributors. Apache-2.0.
"""A comparison from the command line: the work of ``tools/compare.py``."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

from gps_seg.files import write_json
from gps_seg.runs.comparing.equal_treatment import check_equal
from gps_seg.runs.comparing.held_out_images import (
    on_training_images,
    split_training_images,
)
from gps_seg.runs.comparing.jobs import Jobs
from gps_seg.runs.comparing.variant_check import check_variant
from gps_seg.runs.comparing.variants import UNSEEN, variants_of
from gps_seg.runs.comparing.worker import work
from gps_seg.runs.launch import load_config
from gps_seg.runs.overrides import parse_overrides

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
    jobs = _jobs(args, config, folder)
    _check(jobs)
    work(jobs, config.get(UNSEEN) or {}, print)
    return ''


def _jobs(args: Namespace, config: Config, folder: Path) -> Jobs:
    options = parse_overrides(args.method_options, '--method-options')
    return Jobs(
        variants=variants_of(config, args.methods, options),
        seeds=args.seeds,
        rates=args.rates,
        tuning_seeds=args.tuning_seeds,
        final=config,
        tuning=_tuning_config(args, config, folder) if args.rates else None,
        folder=folder,
    )


def _tuning_config(args: Namespace, config: Config, folder: Path) -> Config:
    """The config that tunes rates, on training images alone."""
    own = config
    if args.tune_with is not None:
        own = load_config(args.tune_with, args.work_dir, args.cfg_options)
    groups: Mapping[str, str] = {}
    split = split_training_images(own, args.held_out, groups)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(split.named(), folder / SPLIT_FILE)
    return on_training_images(own, split)


def _check(jobs: Jobs) -> None:
    """Raise ValueError unless all variants can be trained and compared."""
    for base in filter(None, [jobs.final, jobs.tuning]):
        configs = {v.name: v.of(base) for v in jobs.variants}
        check_equal(configs)
        for name, config in configs.items():
            check_variant(name, config)
