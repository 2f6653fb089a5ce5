# Copyright (c) gps_seg contributors. Apache-2.0.
"""A page on which tasks can be tried: ``gps-seg app``."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.app.serving.server import Answer, TaskServer
from gps_seg.app.serving.tasks import Task, read_tasks

__all__ = ['Answer', 'Task', 'TaskServer', 'read_tasks']
