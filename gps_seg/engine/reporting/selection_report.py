# Copyright (c) gps_seg contributors. Apache-2.0.
"""Record a selection: log, numbers, file and picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.runner import Runner

from gps_seg.engine.reporting.trained_values import KINDS, count_trained
from gps_seg.engine.runner_model import bare_model
from gps_seg.files import write_json
from gps_seg.files.run_files import (
    SELECTION_FILE,
    SELECTION_MAP_FILE,
    TRAINED_FILE,
)
from gps_seg.peft import Choice, Trainable
from gps_seg.sparse.summary import format_table, summarize_selection
from gps_seg.text.announcement import Announcement
from gps_seg.visualization import plot_selection


@master_only
def report_choice(
    runner: Runner,
    choice: Choice,
    trainable: Trainable,
    encoder: str,
    method: Mapping[str, Any],
) -> None:
    """Write ``trained.json``, and the file and picture of a selection.

    Args:
        runner: Runner whose log and work directory are written to.
        choice: Choice of the method.
        trainable: Parameters that train.
        encoder: Name of the model's pretrained submodule.
        method: Type and settings of the method.
    """
    selection, work_dir = choice.selection, Path(runner.work_dir)
    counts, model = trainable.count(), bare_model(runner)
    values = count_trained(model, encoder, trainable)
    write_json(
        {
            'method': method,
            'selection': selection.hash,
            'overlaps': dict(choice.overlaps),
            **counts,
            'added': values.added,
            'all': values.total,
            'parts': {kind: getattr(values, kind) for kind in KINDS},
        },
        work_dir / TRAINED_FILE,
    )
    if selection:
        _report_selection(runner, choice)
    runner.logger.info(
        Announcement(f'Training {values}{_dead_neurons(choice.dead)}')
    )


def _report_selection(runner: Runner, choice: Choice) -> None:
    """Log, save and draw a selection."""
    selection, work_dir = choice.selection, Path(runner.work_dir)
    for batches, overlap in choice.overlaps.items():
        runner.logger.info(
            f'After {batches} batches, {100 * overlap:.1f} % of the selected '
            'connections are the same as after half of the batches.'
        )
    runner.logger.info(
        f'Selection {selection.hash[:12]}\n'
        + format_table(summarize_selection(selection))
    )
    selection.save(work_dir / SELECTION_FILE)
    path = plot_selection(selection, work_dir / SELECTION_MAP_FILE)
    runner.logger.info(f'Selection drawn in {path}')


def _dead_neurons(dead: Mapping[str, int]) -> str:
    """The number of dead neurons as text; empty if there are none."""
    number = sum(dead.values())
    if number == 0:
        return ''
    return (
        f'; {number:,} dead neurons (all scores zero: their connections are '
        'chosen by |weight|)'
    )
