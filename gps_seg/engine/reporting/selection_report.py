# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a run leaves of its selection: log, numbers, file and picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.runner import Runner

from gps_seg.engine.runner_model import bare_model
from gps_seg.files import write_json
from gps_seg.peft import Choice, Trainable
from gps_seg.sparse.summary import format_table, summarize_selection
from gps_seg.visualization import plot_selection


@master_only
def report_choice(
    runner: Runner,
    choice: Choice,
    trainable: Trainable,
    method: Mapping[str, Any],
) -> None:
    """Write ``trained.json``, and of a selection its file and its picture.

    Args:
        runner: Gets the log; its work directory gets the files.
        choice: The choice that was made.
        trainable: What trains by it.
        method: Type and settings of the method.
    """
    selection, work_dir = choice.selection, Path(runner.work_dir)
    counts = trainable.count()
    trained = counts['selected'] + counts['whole']
    total = sum(p.numel() for p in bare_model(runner).parameters())
    runner.logger.info(
        f'trainable params: {trained:,} || all params: {total:,} '
        f'|| trainable%: {100 * trained / total:.4f} '
        f'(selected entries {counts["selected"]:,}, tensors trained '
        f'whole {counts["whole"]:,})'
    )
    write_json(
        {
            'method': method,
            'selection': selection.hash,
            'overlaps': dict(choice.overlaps),
            **counts,
            'all': total,
        },
        work_dir / 'trained.json',
    )
    if not selection:
        return
    for batches, overlap in choice.overlaps.items():
        runner.logger.info(
            f'Selection after {batches} batches: {100 * overlap:.1f} % of '
            'it was selected already after half of them'
        )
    runner.logger.info(
        f'Selection {selection.hash[:12]}{_silence(choice.dead)}\n'
        + format_table(summarize_selection(selection))
    )
    selection.save(work_dir / 'selection.safetensors')
    plot_selection(selection, work_dir / 'selection.png')


def _silence(silent: Mapping[str, int]) -> str:
    """How many neurons had no score; empty where neurons do not compete."""
    if not silent:
        return ''
    return (
        f', {sum(silent.values())} silent neurons (all scores zero; chosen by '
        '|weight|)'
    )
