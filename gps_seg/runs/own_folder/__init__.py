# Copyright (c) gps_seg contributors. Apache-2.0.
"""A trained task from two folders, of images and of masks."""

from gps_seg.runs.own_folder.finetuning import finetune
from gps_seg.runs.own_folder.starting import new_task
from gps_seg.runs.own_folder.task import Prediction, Task

__all__ = ['Prediction', 'Task', 'finetune', 'new_task']
