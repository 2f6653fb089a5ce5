# Copyright (c) gps_seg contributors. Apache-2.0.
"""Everything that a comparison found, as one dictionary of plain data.

The tables, the plots and the pages are made from this dictionary alone. It
has no scores of single images, and no number in it is rounded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gps_seg.comparison.differences import Groups, Runs, all_differences
from gps_seg.comparison.ensembles import Ensembles, ensemble_rows
from gps_seg.comparison.rates import RateChoice, choose_rates
from gps_seg.comparison.records import RunRecord
from gps_seg.comparison.variant_row import variant_row
from gps_seg.files import write_json
from gps_seg.text.dice_and_iou import require_possible_scores

SCHEMA = 1
SUMMARY_FILE = 'summary.json'


def summarise(
    runs: Sequence[RunRecord],
    references: Sequence[str],
    *,
    rate_runs: Iterable[RunRecord] = (),
    costs: Mapping[str, Mapping[str, float]] | None = None,
    failed: Mapping[str, str] | None = None,
    groups: Groups | None = None,
    agreement: Mapping[str, Any] | None = None,
    ensembles: Ensembles | None = None,
) -> dict[str, Any]:
    """Summarise the runs of a comparison.

    The result has these keys:

    - ``schema``, ``metric`` (the main one), ``metrics`` and ``pooled``
      (their names), ``seeds``, ``references``;
    - ``sets``: number of images by data set, the validation images first;
    - ``variants``: one row for each variant, with its ``status``
      (``'finished'`` or ``'failed'``), ``error``, ``rate``, ``rate_edge``,
      ``seeds``, ``trained``, ``total``, ``trained_percent``, ``task_bytes``,
      ``seconds``, ``costs``, ``curve`` and ``scores``. The last two are means
      over the seeds. A variant with ``'finished'`` and an error is one of
      which some runs failed;
    - ``differences``: one row for each variant, reference, data set and
      metric; on unseen sets the main metric alone;
    - ``rates``: ``scores`` (pairs of rate and score), ``best`` and ``edge``
      by variant;
    - ``agreement``: as given, or None;
    - ``ensembles``: None, or ``rows`` and the variants that are ``left_out``
      because they add modules. A row has ``variant``, ``set``, ``metric``,
      ``scores`` (pairs of alpha and mean; alpha 1 is the tuned model) and
      ``differences`` of each other ``alpha`` to the tuned model.

    Args:
        runs: Final runs; the rows keep their order.
        references: Variants that all others are compared with.
        rate_runs: Runs that tuned the rates.
        costs: Measured costs by variant, with any of
            :data:`gps_seg.comparison.cells.COSTS`.
        failed: Error by variant of which a run failed.
        groups: Group of each image by data set; without an entry, every
            image of a data set is its own group.
        agreement: Result of ``measure_agreement``.
        ensembles: Scores of ensembles of base and tuned weights, by variant,
            seed, alpha and data set; no alphas where a variant adds modules.

    Raises:
        ValueError: If there are no runs, two runs have the same variant and
            seed, or a reference is unknown.

    Example:
        >>> from gps_seg.comparison import SetScores
        >>> scores = SetScores(
        ...     images=['a'], per_image={'Dice': [80.0]}, pooled={}
        ... )
        >>> run = RunRecord(
        ...     variant='gps', seed=0, rate=None, method={}, trained=2,
        ...     total=8, task_bytes=8, seconds=1.0, curve=[],
        ...     scores={'validation': scores}, treatment={},
        ... )
        >>> summary = summarise([run], [], failed={'full': 'out of memory'})
        >>> [row['status'] for row in summary['variants']]
        ['finished', 'failed']
        >>> summary['variants'][0]['trained_percent']
        25.0
    """
    by_variant = _by_variant(runs)
    failed = failed or {}
    _check_references(references, [*by_variant, *failed])
    rates = choose_rates(rate_runs)
    scores = runs[0].validation
    return {
        'schema': SCHEMA,
        'metric': scores.metric,
        'metrics': list(scores.per_image),
        'pooled': list(scores.pooled),
        'seeds': sorted({run.seed for run in runs}),
        'references': list(references),
        'sets': {
            name: len(each.images) for name, each in runs[0].scores.items()
        },
        'variants': [
            *_finished_rows(by_variant, rates, costs or {}, failed),
            *_failed_rows(by_variant, failed),
        ],
        'differences': all_differences(by_variant, references, groups or {}),
        'rates': {name: _rate_row(choice) for name, choice in rates.items()},
        'agreement': agreement,
        'ensembles': ensemble_rows(by_variant, ensembles or {}, groups or {}),
    }


def _finished_rows(
    by_variant: Runs,
    rates: Mapping[str, RateChoice],
    costs: Mapping[str, Mapping[str, float]],
    failed: Mapping[str, str],
) -> list[dict[str, Any]]:
    return [
        {
            **variant_row(name, list(by_seed.values())),
            'error': failed.get(name, ''),
            'rate_edge': rates[name].edge if name in rates else '',
            'costs': dict(costs.get(name, {})),
        }
        for name, by_seed in by_variant.items()
    ]


def _failed_rows(
    by_variant: Runs, failed: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Rows of the variants without any finished run."""
    return [
        {'variant': name, 'status': 'failed', 'error': error}
        for name, error in failed.items()
        if name not in by_variant
    ]


def write_summary(summary: Mapping[str, Any], folder: Path) -> Path:
    """Write ``summary.json`` into a folder.

    Returns:
        The path written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_summary({'variants': []}, Path(folder)).name
        'summary.json'
    """
    path = folder / SUMMARY_FILE
    write_json(dict(summary), path)
    return path


def read_summary(path: Path) -> dict[str, Any]:
    """Read the summary of a comparison.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no summary, or of another version, or the
            Dice and IoU of a variant cannot be of the same images.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> summary = {'schema': SCHEMA, 'variants': []}
        >>> with TemporaryDirectory() as folder:
        ...     read_summary(write_summary(summary, Path(folder))) == summary
        True
    """
    summary = json.loads(path.read_text(encoding='utf-8'))
    schema = summary.get('schema') if isinstance(summary, dict) else None
    if schema != SCHEMA:
        raise ValueError(
            f'summary: expected schema {SCHEMA}, got {schema} ({path}). Let '
            'tools/compare.py write it again; the runs are kept.'
        )
    for row in summary['variants']:
        _require_possible(row, path)
    return summary


def _require_possible(row: Mapping[str, Any], path: Path) -> None:
    for name, scores in row.get('scores', {}).items():
        for spreads in (scores['per_image'], scores['pooled']):
            means = {key: spread['mean'] for key, spread in spreads.items()}
            where = f'{row["variant"]} on {name}, {path}'
            require_possible_scores(means, where)


def _by_variant(runs: Sequence[RunRecord]) -> Runs:
    if not runs:
        raise ValueError(
            'runs: expected one or more finished runs, got none. There is '
            'nothing to compare.'
        )
    by_variant: dict[str, dict[int, RunRecord]] = {}
    for run in runs:
        by_seed = by_variant.setdefault(run.variant, {})
        if run.seed in by_seed:
            raise ValueError(
                'runs: expected one run for each variant and seed, got two '
                f'of {run.variant} with seed {run.seed}.'
            )
        by_seed[run.seed] = run
    return by_variant


def _check_references(references: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in references if name not in known]
    if unknown:
        raise ValueError(
            f'references: expected any of {", ".join(known)}, got '
            f'{", ".join(unknown)}. A reference is one of the variants.'
        )


def _rate_row(choice: RateChoice) -> dict[str, Any]:
    return {
        'scores': [list(pair) for pair in choice.scores.items()],
        'best': choice.best,
        'edge': choice.edge,
    }
