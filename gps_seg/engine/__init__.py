# Copyright (c) gps_seg contributors. Apache-2.0.
"""The MMEngine side; importing it registers all classes of gps_seg."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

# Imported for what they register.
from gps_seg import datasets, evaluation, models, visualization  # noqa: F401
from gps_seg.engine.checkpoint_check import StrictCheckpointHook
from gps_seg.engine.config.source import let_bases_name_packages
from gps_seg.engine.hub.task_files import task_config
from gps_seg.engine.plug_in.peft_runner import PeftRunner
from gps_seg.engine.reporting.report_hook import ReportHook
from gps_seg.engine.saving.delta_hook import DeltaHook
from gps_seg.engine.testing.drawing_hook import DrawingHook
from gps_seg.engine.testing.prediction_hook import PredictionHook
from gps_seg.engine.testing.task_hook import TaskHook, load_task
from gps_seg.engine.testing.task_model import build_base, build_tuned
from gps_seg.engine.testing.tta_hook import (
    AugmentedTestHook,
    set_tta,
)
from gps_seg.engine.training.optim_wrapper import (
    AmpPeftOptimWrapper,
    PeftOptimWrapper,
)
from gps_seg.engine.training.peft_hook import PeftHook
from gps_seg.engine.training.seeded_steps import SeededStepsHook

let_bases_name_packages()

__all__ = [
    'AmpPeftOptimWrapper',
    'AugmentedTestHook',
    'DeltaHook',
    'DrawingHook',
    'PeftHook',
    'PeftOptimWrapper',
    'PeftRunner',
    'PredictionHook',
    'ReportHook',
    'SeededStepsHook',
    'StrictCheckpointHook',
    'TaskHook',
    'build_base',
    'build_tuned',
    'load_task',
    'set_tta',
    'task_config',
]
