# Copyright (c) gps_seg contributors. Apache-2.0.
"""The MMEngine side: importing this registers everything of gps_seg."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg import datasets, evaluation, models, visualization
from gps_seg.engine.checkpoint_check import StrictCheckpointHook
from gps_seg.engine.optim_wrapper import (
    AmpPeftOptimWrapper,
    PeftOptimWrapper,
)
from gps_seg.engine.peft_hook import PeftHook
from gps_seg.engine.prediction_hook import PredictionHook
from gps_seg.engine.report_hook import ReportHook

__all__ = [
    'AmpPeftOptimWrapper',
    'PeftHook',
    'PeftOptimWrapper',
    'PredictionHook',
    'ReportHook',
    'StrictCheckpointHook',
    'datasets',
    'evaluation',
    'models',
    'visualization',
]
