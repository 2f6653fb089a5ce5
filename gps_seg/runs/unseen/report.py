# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a test on several data sets writes: summary, tables, pictures."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.comparison.unseen.summary import Damage, Facts, summarise_sets
from gps_seg.comparison.unseen.tables import markdown_tables, write_csv
from gps_seg.delta import Delta
from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.files import write_json, write_text
from gps_seg.runs.scoring.data_sets import TEST, UNSEEN, DataSets, groups_of
from gps_seg.runs.scoring.ensembles import ByAlpha, write_scores
from gps_seg.runs.scoring.images import TESTED, ImagesToScore
from gps_seg.visualization.unseen.pictures import plot_sets

SUMMARY_FILE = 'summary.json'
SCORES_FILE = 'scores.json'


def facts_of(
    config: Config,
    sets: DataSets,
    data: Mapping[str, ImagesToScore],
    delta: Delta | None,
) -> Facts:
    """What is known of a test before anything is scored.

    Args:
        config: Config of the test.
        sets: Settings of the data sets by name; None for the own test set.
        data: The data sets.
        delta: Delta that is tested; None for a checkpoint.

    Raises:
        ValueError: If an image has no group where others of its data set have
            one.
    """
    return Facts(
        groups=groups_of(config, sets, TESTED),
        same_images=[n for n in data if data[n].paths == data[TEST].paths],
        damage=_damages(sets),
        new_tensors=sorted(delta.new) if delta else [],
    )


def write_report(
    args: Namespace, config: Config, facts: Facts, scores: ByAlpha
) -> tuple[dict[str, Any], Path]:
    """Write all results into the folder ``unseen`` of the work directory.

    Args:
        args: Command line of ``tools/test.py``.
        config: Config of the test.
        facts: Facts of :func:`facts_of`.
        scores: Scores by alpha and data set.

    Returns:
        The summary, see :func:`summarise_sets`, and the folder.
    """
    summary = {
        'config': args.config,
        'weights': args.checkpoint,
        **summarise_sets(scores, facts),
        'environment': describe_environment(),
    }
    folder = Path(config.work_dir, UNSEEN)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(summary, folder / SUMMARY_FILE)
    write_scores(scores, folder / SCORES_FILE)
    write_text(f'{markdown_tables(summary)}\n', folder / 'table.md')
    write_csv(summary, folder / 'table.csv')
    plot_sets(summary, folder)
    return summary, folder


def _damages(sets: DataSets) -> dict[str, Damage]:
    """Kind and severity of the data sets whose pipeline damages images."""
    found = {}
    for name, dataset in sets.items():
        steps = (dataset or {}).get('pipeline') or []
        damages = [step for step in steps if type_name(step) == 'Corrupt']
        if len(damages) == 1:
            (step,) = damages
            found[name] = Damage(step['kind'], step['severity'])
    return found
