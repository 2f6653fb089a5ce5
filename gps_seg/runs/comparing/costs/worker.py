# Copyright (c) gps_seg contributors. Apache-2.0.
"""One visit to a variant, in a process of its own.

``python -m gps_seg.runs.comparing.costs.worker TASK RESULT`` measures the
config of a task of :func:`gps_seg.runs.comparing.costs.visits.visit`, given
as JSON, and writes the result.
"""

import json
import sys
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from gps_seg.engine.training.hook_settings import peft_hook
from gps_seg.runs.comparing.costs.measuring_loop import MeasuringLoop
from gps_seg.runs.early_check import check_before_data, check_config
from gps_seg.runs.launch import build_runner, load_config


def main() -> None:
    """Run the task and write the result."""
    task = json.loads(sys.argv[1])
    result = measure_config(**task)
    Path(sys.argv[2]).write_text(json.dumps(result), encoding='utf-8')


def measure_config(
    config: str, work_dir: str, steps: int, keep: str, selected: bool
) -> dict[str, Any]:
    """Measure the run of a config.

    Args:
        config: File of the config.
        work_dir: Folder for the logs of the runner.
        steps: Number of timed steps.
        keep: Checkpoint of the run after its selection.
        selected: Whether to go on from ``keep``, instead of selecting and
            writing it.

    Returns:
        The ``costs`` of :class:`MeasuringLoop`.
    """
    settings = load_config(config, work_dir)
    check_config(settings)
    reduce_to_steps(settings, steps, None if selected else keep)
    runner = build_runner(settings, keep if selected else None)
    check_before_data(runner)
    runner.train()
    costs: dict[str, Any] = runner.train_loop.costs
    return costs


def reduce_to_steps(config: Config, steps: int, keep: str | None) -> None:
    """Let a config measure instead of train; changed in place.

    Hooks other than the ``PeftHook`` are left out: they act between the
    steps. The rate of learning stays constant.

    Args:
        config: Config of a training with one ``PeftHook``.
        steps: Number of timed steps.
        keep: Checkpoint to write after the selection, or None.
    """
    config.custom_hooks = [peft_hook(config)]
    config.default_hooks = ConfigDict(
        checkpoint=None, logger=None, param_scheduler=None
    )
    config.train_cfg = ConfigDict(
        type=MeasuringLoop.__name__, steps=steps, keep=keep
    )
    config.param_scheduler = None
    # Workers that wait for the next epoch would load during the steps.
    for part in ('train', 'val', 'test'):
        if config.get(f'{part}_dataloader'):
            config[f'{part}_dataloader'].persistent_workers = False


if __name__ == '__main__':
    main()
